//! What can only be said about the whole stack: references, edges, contradictions.

mod conflict;
mod cycle;
mod reference;

use super::context::Cx;
use super::service::Draft;
use super::stack::Declared;

/// Reports everything that does not fit together.
pub(super) fn check(cx: &mut Cx<'_>, drafts: &[Draft<'_>], declared: &Declared<'_>) {
    reference::check(cx, drafts, declared);
    reference::check_services(cx, drafts, declared);
    cycle::check(cx, drafts);
    conflict::check(cx, drafts);
}
