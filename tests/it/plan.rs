//! What is decided, one obligation a test: a prior state, a file, the whole plan.

mod auto_ports;
mod before_start;
mod change;
mod conflict;
mod early;
mod fresh;
mod hooks;
mod images;
mod lifecycle;
mod order;
mod ports;
mod remains;
mod reset;
mod scale;
mod teardown;
