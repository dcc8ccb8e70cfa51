use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use prost_reflect::{MessageDescriptor, MethodDescriptor};

use super::settings::ServerSettings;

/// The long poll.
const PULL: &str = "/banyan.events.v1.EventLogService/Pull";
/// What is served without a token, and whether it streams.
const OPEN: [(&str, bool); 4] = [
    ("/grpc.health.v1.Health/Check", false),
    ("/grpc.health.v1.Health/Watch", true),
    ("/grpc.health.v1.Health/List", false),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", true),
];

/// Which limits a call comes under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Health and reflection: no token, no limit of calls, no deadline; streams end at a drain.
    Open,
    /// Long polls: a limit of their own, a longer deadline; they end at a drain.
    Pull,
    /// All others.
    Usual,
}

/// What the layers know of a method.
#[derive(Debug)]
pub(crate) struct Method {
    /// `banyan.levels.v1.PointsService/Earn`.
    pub(crate) name: Arc<str>,
    pub(crate) lane: Lane,
    /// What its messages are checked against; open methods have none.
    pub(crate) input: Option<MessageDescriptor>,
    pub(crate) streams_requests: bool,
    pub(crate) streams_answers: bool,
    /// The longest time that a call gets. `None`: no limit.
    pub(crate) time_max: Option<Duration>,
}

/// Every method that the contracts know, by path.
#[derive(Debug)]
pub(crate) struct Methods(HashMap<String, Arc<Method>>);

impl Methods {
    pub(crate) fn new(settings: &ServerSettings) -> Self {
        let own = proto::POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let own = own.map(|method| (path(&method), own_method(&method, settings)));
        let open = OPEN.map(|(path, streams)| (path.to_owned(), open_method(path, streams)));
        Self(own.chain(open).map(|(path, method)| (path, Arc::new(method))).collect())
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Method>> {
        self.0.get(path)
    }
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

fn own_method(method: &MethodDescriptor, settings: &ServerSettings) -> Method {
    let path = path(method);
    let lane = if path == PULL { Lane::Pull } else { Lane::Usual };
    let (streams_requests, streams_answers) = (method.is_client_streaming(), method.is_server_streaming());
    let ms = match lane {
        Lane::Pull => settings.pull_ms_max,
        _ if streams_requests || streams_answers => settings.stream_ms_max,
        _ => settings.call_ms_max,
    };
    Method {
        name: path[1..].into(),
        lane,
        input: Some(method.input()),
        streams_requests,
        streams_answers,
        time_max: Some(Duration::from_millis(ms)),
    }
}

fn open_method(path: &str, streams: bool) -> Method {
    Method {
        name: path[1..].into(),
        lane: Lane::Open,
        input: None,
        streams_requests: streams,
        streams_answers: streams,
        time_max: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_poll_is_a_method_of_the_contracts() {
        let methods = Methods::new(&ServerSettings::default());
        let pull = methods.find(PULL).unwrap();
        assert_eq!((pull.lane, pull.time_max), (Lane::Pull, Some(Duration::from_secs(25))));
    }

    #[test]
    fn only_methods_that_authentication_calls_public_are_open() {
        let methods = Methods::new(&ServerSettings::default());
        for (path, method) in &methods.0 {
            assert_eq!(method.lane == Lane::Open, authn::is_public(path), "{path}");
        }
    }
}
