//! Starts, finds again and ends real servers.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use backing::Private;

/// A data folder of its own for each test; its servers end with it.
struct Servers {
    private: Private,
    dir: PathBuf,
}

impl Servers {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("backing-{name}-{}", std::process::id()));
        Self { private: Private::new(&dir).durable(false), dir }
    }

    fn home(&self) -> PathBuf {
        self.private.home().unwrap().unwrap()
    }

    fn postgres_pid(&self) -> String {
        let lock = fs::read_to_string(self.home().join("postgres/postmaster.pid")).unwrap();
        lock.lines().next().unwrap().to_owned()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.private.stop().unwrap();
        let _ = fs::remove_dir_all(self.home());
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn answers(url: &str) -> bool {
    let authority = url.split("://").nth(1).unwrap().split('/').next().unwrap();
    TcpStream::connect(authority.rsplit('@').next().unwrap()).is_ok()
}

fn kill_9(pid: &str) {
    assert!(Command::new("/bin/sh").args(["-c", "kill -9 \"$1\"", "sh", pid]).status().unwrap().success());
}

#[test]
fn servers_are_started_found_again_and_ended() {
    let servers = Servers::new("life");
    let first = servers.private.start().unwrap();
    assert!(first.is_private() && answers(&first.database_url) && answers(&first.redis_url));

    let pid = servers.postgres_pid();
    let second = servers.private.start().unwrap();
    assert_eq!((&second.database_url, &second.redis_url), (&first.database_url, &first.redis_url));
    assert_eq!(servers.postgres_pid(), pid, "the running server was found, not a second one started");

    second.stop().unwrap();
    assert!(!answers(&first.database_url) && !answers(&first.redis_url));
    second.stop().unwrap();

    let third = servers.private.start().unwrap();
    assert_eq!((third.database_url, third.redis_url), (first.database_url, first.redis_url), "ports stay");
}

#[test]
fn a_killed_postgres_comes_back_with_its_data() {
    let servers = Servers::new("kill");
    let before = servers.private.start().unwrap();
    kill_9(&servers.postgres_pid());
    let after = servers.private.start().unwrap();
    assert_eq!(after.database_url, before.database_url);
    assert!(answers(&after.database_url));
}

#[test]
fn a_lock_file_that_names_a_foreign_process_does_not_stop_a_start() {
    let servers = Servers::new("stale");
    let backing = servers.private.start().unwrap();
    let lock = servers.home().join("postgres/postmaster.pid");
    let text = fs::read_to_string(&lock).unwrap();
    backing.stop().unwrap();
    // of the same user, or Postgres itself would see that the process is a stranger
    servers.private.start_redis().unwrap();
    let foreign = fs::read_to_string(servers.home().join("redis/redis.pid")).unwrap();
    let foreign = text.replacen(text.lines().next().unwrap(), foreign.trim(), 1);
    fs::write(&lock, foreign).unwrap();
    assert!(answers(&servers.private.start().unwrap().database_url));
}

#[test]
fn a_taken_port_makes_the_servers_move() {
    let servers = Servers::new("port");
    servers.private.start().unwrap().stop().unwrap();
    let port = |server: &str| fs::read_to_string(servers.home().join(format!("{server}.port"))).unwrap();
    let taken = ["postgres", "redis"].map(|server| {
        let number: u16 = port(server).parse().unwrap();
        std::net::TcpListener::bind(("127.0.0.1", number)).unwrap()
    });
    let moved = servers.private.start().unwrap();
    assert!(answers(&moved.database_url) && answers(&moved.redis_url));
    for (server, listener) in ["postgres", "redis"].iter().zip(&taken) {
        assert_ne!(port(server), listener.local_addr().unwrap().port().to_string());
    }
}

#[test]
fn racing_starters_share_one_pair_of_servers() {
    let servers = Servers::new("race");
    let urls: Vec<_> = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..4).map(|_| scope.spawn(|| servers.private.start().unwrap())).collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).map(|b| (b.database_url, b.redis_url)).collect()
    });
    assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
}

#[test]
fn redis_can_be_had_alone() {
    let servers = Servers::new("redis");
    let url = servers.private.start_redis().unwrap();
    assert!(answers(&url) && !servers.home().join("postgres").exists());
    servers.private.stop().unwrap();
    assert!(!answers(&url));
}

#[test]
fn servers_that_nobody_uses_end_by_themselves() {
    let servers = Servers::new("idle");
    let idle = servers.private.clone().idle_stop(Duration::from_secs(60));
    let running = idle.start().unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::create(servers.home().join("used")).unwrap().set_modified(hour_ago).unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while answers(&running.database_url) || answers(&running.redis_url) {
        assert!(Instant::now() < limit, "they still run");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(answers(&idle.start().unwrap().database_url), "and come back");
}
