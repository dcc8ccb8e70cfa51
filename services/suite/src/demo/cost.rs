//! What the replay cost: processor time and statements per event.

use serde::Serialize;

use super::words::Lang;

/// Cost of a replay. What could not be measured is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Cost {
    /// Processor microseconds of the suite's process per event, all services together.
    pub suite_cpu_us_per_event: Option<f64>,
    /// Processor microseconds of the private Postgres per event.
    pub postgres_cpu_us_per_event: Option<f64>,
    /// By service.
    pub services: Vec<ServiceCost>,
}

/// Cost of one service, by what Postgres counted for its role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ServiceCost {
    /// The service.
    pub service: String,
    /// Statements per event.
    pub statements_per_event: f64,
    /// Microseconds per event that Postgres spent executing them.
    pub execution_us_per_event: f64,
}

impl Cost {
    /// Names and values to print.
    #[must_use]
    pub(crate) fn lines(&self, lang: Lang) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let per_event = lang.pick("µs/条", "µs/event");
        if let Some(cost) = self.suite_cpu_us_per_event {
            lines.push((
                lang.pick("套件进程 CPU", "processor time, suite").to_owned(),
                format!("{cost:.0} {per_event}"),
            ));
        }
        if let Some(cost) = self.postgres_cpu_us_per_event {
            lines.push(("processor time, Postgres".to_owned(), format!("{cost:.0} {per_event}")));
        }
        for service in &self.services {
            let name = format!("{}: {}", service.service, lang.pick("语句 / 执行时间", "statements / execution"));
            let value =
                format!("{:.2} / {:.0} {per_event}", service.statements_per_event, service.execution_us_per_event);
            lines.push((name, value));
        }
        lines
    }
}
