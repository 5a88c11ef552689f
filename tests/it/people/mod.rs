//! People: signing in and out, cookies, roles, invitations.

pub mod scene;

mod invitations;
mod limits;
mod signing_in;
