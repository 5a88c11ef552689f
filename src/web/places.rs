//! How many long answers each workspace may have under way at once on this node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::ApiError;
use crate::domain::id::WorkspaceId;

/// What a client that finds no place should wait.
const RETRY_AFTER_SECS: u64 = 10;

/// So many places for each workspace. Clones share them.
#[derive(Clone, Debug)]
pub struct Places {
    taken: Arc<Mutex<HashMap<WorkspaceId, u32>>>,
    per_workspace: u32,
}

impl Places {
    /// All places are free.
    pub fn new(per_workspace: u32) -> Self {
        Self { taken: Arc::default(), per_workspace }
    }

    /// One more place of the workspace; it is free again when it is dropped.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`] when the workspace has as many as it may.
    pub fn take(&self, workspace: WorkspaceId) -> Result<Place, ApiError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(workspace).or_default();
        if *count >= self.per_workspace {
            return Err(ApiError::RateLimited { retry_after_secs: RETRY_AFTER_SECS });
        }
        *count += 1;
        Ok(Place { places: self.clone(), workspace })
    }
}

/// A place among those of its workspace.
#[derive(Debug)]
pub struct Place {
    places: Places,
    workspace: WorkspaceId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.workspace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_has_so_many_places_and_gets_them_back() {
        let places = Places::new(3);
        let held: Vec<_> = (0..3).map(|_| places.take(WorkspaceId(1)).unwrap()).collect();
        let refused = places.take(WorkspaceId(1)).unwrap_err();
        assert_eq!(refused, ApiError::RateLimited { retry_after_secs: RETRY_AFTER_SECS });
        assert!(places.take(WorkspaceId(2)).is_ok());
        drop(held);
        assert!(places.take(WorkspaceId(1)).is_ok());
        assert!(places.taken.lock().unwrap().is_empty());
    }
}
