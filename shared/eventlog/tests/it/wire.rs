//! A connection to Postgres that breaks after a chosen statement: what a process that is killed there leaves behind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How a batch's transaction begins.
const BEGINS_BATCH: &str = "begin; set local role";

/// Stands between a pool and its server.
#[derive(Clone)]
pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The connection breaks when so many statements of a batch's transaction were answered.
    breaks_after: AtomicUsize,
    broken: AtomicBool,
}

impl Wire {
    /// Passes connections on to the server of a URL, and breaks the one whose batch comes to its `breaks_after`th statement,
    /// counted from the begin: the server has done it, and its answer is lost.
    pub(crate) async fn to(url: &str, breaks_after: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { breaks_after: breaks_after.into(), broken: AtomicBool::new(false) };
        let wire = Self { address: listener.local_addr().unwrap(), state: Arc::new(state) };
        let (state, server) = (Arc::clone(&wire.state), authority(url).to_owned());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&server).await.unwrap();
                near.set_nodelay(true).unwrap();
                far.set_nodelay(true).unwrap();
                tokio::spawn(pass(near, far, Arc::clone(&state)));
            }
        });
        wire
    }

    /// The URL with this in the server's place.
    pub(crate) fn url(&self, url: &str) -> String {
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{}{separator}sslmode=disable", url.replacen(authority(url), &self.address.to_string(), 1))
    }

    pub(crate) fn broken(&self) -> bool {
        self.state.broken.load(Ordering::SeqCst)
    }
}

/// Host and port.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

async fn pass(near: TcpStream, far: TcpStream, state: Arc<State>) {
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let (last, end) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
    let requests = requests(near_read, far_write, Arc::clone(&state), Arc::clone(&last));
    let answers = answers(far_read, near_write, last, state);
    tokio::select! {
        _ = requests => end.cancel(),
        _ = answers => end.cancel(),
    }
}

/// What the client sends. Raises `last` before it passes on the statement to break after.
async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: Arc<State>,
    last: Arc<AtomicBool>,
) -> std::io::Result<()> {
    // the first message has no type
    let length = from.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    from.read_exact(&mut body).await?;
    to.write_all(&[&length.to_be_bytes()[..], &body].concat()).await?;
    let mut statements = None;
    loop {
        let (kind, message) = message(&mut from).await?;
        // a simple query, or the execution of a prepared one
        if kind == b'Q' && message[5..].starts_with(BEGINS_BATCH.as_bytes()) {
            statements = Some(1);
        } else if matches!(kind, b'Q' | b'E') {
            statements = statements.map(|count| count + 1);
        }
        if matches!(kind, b'Q' | b'E') && statements == Some(state.breaks_after.load(Ordering::SeqCst)) {
            last.store(true, Ordering::SeqCst);
        }
        to.write_all(&message).await?;
    }
}

/// What the server answers, up to the answer to the last statement, which it is let finish.
async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    last: Arc<AtomicBool>,
    state: Arc<State>,
) -> std::io::Result<()> {
    loop {
        let (kind, message) = message(&mut from).await?;
        match last.load(Ordering::SeqCst) {
            true if kind == b'Z' => {
                state.broken.store(true, Ordering::SeqCst);
                return Ok(());
            }
            true => {}
            false => to.write_all(&message).await?,
        }
    }
}

/// A message with its type and length.
async fn message(from: &mut OwnedReadHalf) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await?;
    let mut message = vec![0; length as usize + 1];
    message[0] = kind;
    message[1..5].copy_from_slice(&length.to_be_bytes());
    from.read_exact(&mut message[5..]).await?;
    Ok((kind, message))
}
