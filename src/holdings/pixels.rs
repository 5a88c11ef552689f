//! Pixels.

use super::{Error, Holdings, Result, checked_name};
use crate::catalog::PixelFields;
use crate::domain::id::{PixelId, WorkspaceId};
use crate::domain::kept_pixel::{KeptPixel, MAX_PIXEL_NAME};

/// Pixels of one workspace at most.
pub const MAX_PIXELS: usize = 1_000;

impl Holdings {
    /// Keeps a pixel, whose id is in its network's form.
    pub async fn add_pixel(&self, workspace: WorkspaceId, pixel: PixelFields) -> Result<KeptPixel> {
        let pixel = PixelFields { name: checked_name(&pixel.name, MAX_PIXEL_NAME)?, ..pixel };
        if self.catalog.pixels(workspace).await?.len() >= MAX_PIXELS {
            let message = format!("Too many: a workspace keeps at most {MAX_PIXELS} pixels");
            return Err(Error::invalid("too_big", "name", message));
        }
        Ok(self.catalog.add_pixel(workspace, &pixel, self.clock.now_ms()).await?)
    }

    /// One pixel.
    pub async fn pixel(&self, workspace: WorkspaceId, id: PixelId) -> Result<KeptPixel> {
        self.catalog.pixels_by_ids(workspace, &[id]).await?.pop().ok_or(Error::NoPixel)
    }

    /// The workspace's pixels by name.
    pub async fn pixels(&self, workspace: WorkspaceId) -> Result<Vec<KeptPixel>> {
        Ok(self.catalog.pixels(workspace).await?)
    }

    /// Changes a pixel; links keep the ids that they have.
    pub async fn change_pixel(&self, workspace: WorkspaceId, id: PixelId, pixel: PixelFields) -> Result<KeptPixel> {
        let pixel = PixelFields { name: checked_name(&pixel.name, MAX_PIXEL_NAME)?, ..pixel };
        self.catalog.change_pixel(workspace, id, &pixel, self.clock.now_ms()).await?.ok_or(Error::NoPixel)
    }

    /// Removes a pixel; links keep the ids that they have.
    pub async fn remove_pixel(&self, workspace: WorkspaceId, id: PixelId) -> Result<()> {
        if self.catalog.remove_pixel(workspace, id).await? { Ok(()) } else { Err(Error::NoPixel) }
    }
}
