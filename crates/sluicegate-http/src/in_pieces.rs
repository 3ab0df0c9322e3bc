//! Which requests are handed on before their body is complete.

use std::fmt;
use std::sync::Arc;

use crate::head::Head;

/// Says of the head of a request with a body whether it is handed on as soon as that is not all
/// there; the handler takes the rest in pieces, as it comes: see
/// [`Exchange::body_reader`](crate::Exchange::body_reader).
#[derive(Clone)]
pub struct InPieces(Arc<dyn Fn(&Head) -> bool + Send + Sync>);

impl InPieces {
    /// Those of which `which` says so. It is asked by the workers, once a request with a body.
    pub fn new(which: impl Fn(&Head) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(which))
    }

    pub(crate) fn takes(&self, head: &Head) -> bool {
        (self.0)(head)
    }
}

impl fmt::Debug for InPieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InPieces")
    }
}
