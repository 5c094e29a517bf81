//! The keys of sources whose rows come once: `stdin`, `socket`, `http`.

use std::time::Duration;

use super::{
    DAY, Default, EVENT_TIME_KEY, JSON_KEY, Key, Keys, MAX_ROW_BYTES, METADATA, ON_BAD_ROW, Optional, READ_CSV_KEY,
    Required, SCHEMA, SOURCE_TYPE, Shape, key,
};

const FORMAT: Key = key("format", Shape::Choice(&["csv", "json", "text"]), Required, "How bytes become rows");
const CONNECTIONS: Key = key(
    "connections",
    Shape::Integer { min: 1, max: 65_536 },
    Default("256"),
    "Clients at one time, at most. Others wait until one has gone",
);
const BUFFER: Key = key(
    "buffer",
    Shape::Size { min: 1 << 16, max: 1 << 30 },
    Default("\"64MiB\""),
    "Bytes that have come and that no epoch has taken yet, at most. No more is taken while they are so many",
);
const EXPOSE: Key = key(
    "expose",
    Shape::Boolean,
    Default("false"),
    "`listen` may be an address that other machines reach. What they send is not encrypted",
);

pub static STDIN: Keys = Keys {
    title: "`source.NAME` of type `stdin`",
    about: "Rows from standard input.",
    keys: &[SOURCE_TYPE, FORMAT, SCHEMA, READ_CSV_KEY, JSON_KEY, EVENT_TIME_KEY, METADATA, ON_BAD_ROW, MAX_ROW_BYTES],
};

pub static SOCKET: Keys = Keys {
    title: "`source.NAME` of type `socket`",
    about: "Rows over TCP: from a server that the source connects to, or from clients that connect to it. It has either `connect` or `listen`.",
    keys: &[
        SOURCE_TYPE,
        key(
            "connect",
            Shape::Text,
            Optional("it listens"),
            "A server, as in `\"HOST:PORT\"`. A connection that is lost is opened again, after delays that grow",
        ),
        key(
            "max-delay",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Default("\"30s\""),
            "With `connect`: no delay is longer",
        ),
        key(
            "listen",
            Shape::Text,
            Optional("it connects"),
            "An address of this machine for clients, as in `\"127.0.0.1:9999\"`",
        ),
        EXPOSE,
        CONNECTIONS,
        BUFFER,
        FORMAT,
        SCHEMA,
        READ_CSV_KEY,
        JSON_KEY,
        EVENT_TIME_KEY,
        METADATA,
        ON_BAD_ROW,
        MAX_ROW_BYTES,
    ],
};

pub static HTTP: Keys = Keys {
    title: "`source.NAME` of type `http`",
    about: "Rows in the bodies of POST requests, answered when they are durable. A body with a bad row is refused as a whole.",
    keys: &[
        SOURCE_TYPE,
        key("listen", Shape::Text, Required, "An address of this machine, as in `\"127.0.0.1:9999\"`"),
        key(
            "token-file",
            Shape::Text,
            Optional("everybody who reaches it may send"),
            "A file with the token that requests must have (`Authorization: Bearer …`), relative to the job file",
        ),
        EXPOSE,
        key("max-body", Shape::Size { min: 1, max: 1 << 30 }, Default("\"8MiB\""), "A longer body is refused"),
        CONNECTIONS,
        BUFFER,
        FORMAT,
        SCHEMA,
        READ_CSV_KEY,
        JSON_KEY,
        EVENT_TIME_KEY,
        METADATA,
        MAX_ROW_BYTES,
    ],
};
