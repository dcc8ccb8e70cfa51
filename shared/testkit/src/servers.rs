//! The servers that all tests of a checkout share, and a Redis for a test that mistreats it.

use std::{
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use backing::{Backing, Private};

use crate::workspace::data_dir;

/// How long private servers outlive the last test.
const IDLE_STOP: Duration = Duration::from_secs(30 * 60);

/// The servers of this process's tests.
pub(crate) fn backing() -> &'static Backing {
    static BACKING: OnceLock<Backing> = OnceLock::new();
    BACKING.get_or_init(|| Backing::from_env_or(&servers()).expect("tests need a Postgres and a Redis"))
}

/// The private servers of this checkout's tests, running or not.
pub fn servers() -> Private {
    Private::new(data_dir()).durable(false).idle_stop(IDLE_STOP)
}

/// Address of the Redis that all tests share: use keys of your own, and never flush it.
pub fn redis_url() -> String {
    backing().redis_url.clone()
}

/// A Redis for one test, which may flush it, stop it and start it again. It ends with the value.
#[derive(Debug)]
pub struct OwnRedis {
    private: Private,
    dir: PathBuf,
    url: String,
}

impl OwnRedis {
    /// Starts one. Blocks for a few milliseconds.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("redis-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = data_dir().join(name);
        let private = Private::new(&dir).idle_stop(IDLE_STOP);
        let url = private.start_redis().expect("a Redis of one's own");
        Self { private, dir, url }
    }

    /// Its address, the same after a stop and a new start.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it, as an outage would; everything in it is lost.
    pub fn stop(&self) {
        self.private.stop().expect("Redis ends");
    }

    /// Starts it again, empty, at the same address.
    pub fn start_again(&self) {
        let url = self.private.start_redis().expect("Redis starts again");
        assert_eq!(url, self.url, "somebody took the port in the meantime");
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        let _ = self.private.stop();
        if let Ok(Some(home)) = self.private.home() {
            let _ = std::fs::remove_dir_all(home);
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
