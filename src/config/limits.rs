//! How much a file may ask for. All of it is far beyond any stack, and keeps a file that was made
//! to be hostile, or by a mistake, from taking the machine's memory or anybody's time.

/// Bytes of one file.
pub(crate) const FILE_BYTES: usize = 8 * 1024 * 1024;

/// Values of one file, once its aliases are followed.
pub(crate) const NODES: usize = 100_000;

/// Levels of nesting.
pub(crate) const DEPTH: usize = 96;

/// Bytes that variables may bring into one file. Linux hands a process at most 128 KiB in one
/// variable, and 2 MiB in all of them.
pub(crate) const FILLED_BYTES: usize = 16 * 1024 * 1024;

/// Findings about variables; whoever has more of them begins with the first ones.
pub(crate) const FINDINGS: usize = 1000;

/// Files that are included, each as often as it is.
pub(crate) const INCLUDES: usize = 256;

/// Services that begin as a copy of one another.
pub(crate) const EXTENDS: usize = 64;

/// Ports of all services, once their ranges are written out.
pub(crate) const PORTS: usize = 65_536;

/// Containers of all services. A bridge of Linux has room for some thousand.
pub(crate) const CONTAINERS: u32 = 10_000;
