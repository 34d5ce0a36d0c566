use crate::domain::hub::RepoPage;
use crate::domain::model::RepoId;
use crate::error::{ErrorKind, UserError};
use crate::hub::Options;
pub async fn page(_options: &Options, _repo: &RepoId, _revision: Option<&str>) -> Result<RepoPage, UserError> {
    Err(UserError::new(ErrorKind::Unexpected, "later"))
}
