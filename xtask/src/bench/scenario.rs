//! The scenarios that are measured end to end.

/// One kind of work, the same for every client.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The first argument of the clients' programs.
    pub(crate) action: Action,
    pub(crate) items: u64,
    pub(crate) concurrency: u32,
    /// How the data gets to the service.
    pub(crate) mode: Mode,
}

impl Scenario {
    /// Whether its items go to the engine: managed ingestion queues the large one.
    pub(crate) fn is_streamed(&self) -> bool {
        self.mode != Mode::Queued && self.action == Action::Bytes
    }
}

/// An ingestion mode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Queued,
    Streaming,
    Managed,
}

impl Mode {
    /// As the setting `ingestion mode` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::Queued => "queued",
            Mode::Streaming => "streaming",
            Mode::Managed => "managed",
        }
    }
}

/// A client's action for each item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Init,
    File,
    Stream,
    Bytes,
    Query,
}

impl Action {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Action::Init => "init",
            Action::File => "file",
            Action::Stream => "stream",
            Action::Bytes => "bytes",
            Action::Query => "query",
        }
    }
}

/// The process with a client and nothing else: the base of every other measurement.
pub(crate) const INIT: Scenario = Scenario {
    name: "init",
    about: "process start to client ready, and its end",
    action: Action::Init,
    items: 0,
    concurrency: 1,
    mode: Mode::Queued,
};

const STREAM64: Scenario = Scenario {
    name: "stream64",
    about: "the same 64 MB from a stream",
    action: Action::Stream,
    items: 1,
    concurrency: 1,
    mode: Mode::Queued,
};

const SMALL_C8: Scenario = Scenario {
    name: "small-c8",
    about: "1,000 documents of 2 KB from memory, 8 at a time",
    action: Action::Bytes,
    items: 1000,
    concurrency: 8,
    mode: Mode::Queued,
};

/// All of `bench` but [`INIT`].
pub(crate) const ALL: [Scenario; 10] = [
    Scenario {
        name: "file64",
        about: "one file of 64 MB",
        action: Action::File,
        items: 1,
        concurrency: 1,
        mode: Mode::Queued,
    },
    STREAM64,
    Scenario {
        name: "file64x8",
        about: "that file 8 times, one after another, one client",
        action: Action::File,
        items: 8,
        concurrency: 1,
        mode: Mode::Queued,
    },
    Scenario {
        name: "small-c1",
        about: "1,000 documents of 2 KB from memory, one at a time",
        action: Action::Bytes,
        items: 1000,
        concurrency: 1,
        mode: Mode::Queued,
    },
    SMALL_C8,
    Scenario {
        name: "small-c64",
        about: "the same, 64 at a time",
        action: Action::Bytes,
        items: 1000,
        concurrency: 64,
        mode: Mode::Queued,
    },
    Scenario {
        name: "streamed-c8",
        about: "the 1,000 documents by streaming ingestion, 8 at a time",
        mode: Mode::Streaming,
        ..SMALL_C8
    },
    Scenario {
        name: "managed-c8",
        about: "the same by managed ingestion, which streams them",
        mode: Mode::Managed,
        ..SMALL_C8
    },
    Scenario {
        name: "managed64",
        about: "the 64 MB from a stream by managed ingestion, which queues them",
        mode: Mode::Managed,
        ..STREAM64
    },
    Scenario {
        name: "query1m",
        about: "a query of 1,000,000 rows of 8 columns, every value read",
        action: Action::Query,
        items: 1,
        concurrency: 1,
        mode: Mode::Queued,
    },
];

/// What [`Action::Query`] asks for: types and lengths as programs have them, and about 90 MB of answer.
pub(crate) const QUERY: &str = "range l from 1 to 1000000 step 1 | extend i = toint(l % 1000), r = l * 0.5, b = l % 2 == 0, \
     d = datetime(2026-01-01) + l * 1s, t = l * 1ms, s = strcat('row ', l), u = 'a text that is the same in each'";

/// All of `bench bindings` but [`INIT`].
pub(crate) const BINDINGS: [Scenario; 3] = [
    STREAM64,
    Scenario {
        name: "stream64x8",
        about: "such a stream 8 times, one after another, one client",
        action: Action::Stream,
        items: 8,
        concurrency: 1,
        mode: Mode::Queued,
    },
    SMALL_C8,
];

/// Name of the rows with the cost of compression alone.
pub(crate) const FLOOR: &str = "floor";

/// Everything that `--only` can name.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let others = ALL.iter().map(|scenario| scenario.name);
    std::iter::once(INIT.name).chain(others).chain([FLOOR])
}
