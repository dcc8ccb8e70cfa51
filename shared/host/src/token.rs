use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use rt::Shutdown;

/// How often a token's file is read again.
const READ_EVERY: Duration = Duration::from_secs(30);

/// The token by which consumers read logs; asked for each call, so it answers from memory.
pub type Token = Arc<dyn Fn() -> String + Send + Sync>;

/// A token that stands in a file, which something else renews: read now and again every half minute. Without a path
/// there is no token.
pub(crate) fn from_file(path: &str, shutdown: &Shutdown) -> anyhow::Result<Token> {
    if path.is_empty() {
        return Ok(Arc::new(String::new));
    }
    let path = PathBuf::from(path);
    let read = |path: &PathBuf| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    let token = Arc::new(RwLock::new(read(&path).with_context(|| format!("token_file {}", path.display()))?));
    let (kept, shutdown) = (Arc::clone(&token), shutdown.clone());
    rt::spawn(async move {
        loop {
            tokio::select! {
                () = shutdown.stopping() => return,
                () = tokio::time::sleep(READ_EVERY) => {}
            }
            match read(&path) {
                Ok(text) => *kept.write().unwrap_or_else(PoisonError::into_inner) = text,
                Err(error) => tracing::warn!(%error, "token_file could not be read again; the old token stays in use"),
            }
        }
    });
    Ok(Arc::new(move || token.read().unwrap_or_else(PoisonError::into_inner).clone()))
}
