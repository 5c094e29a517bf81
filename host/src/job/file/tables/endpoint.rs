//! The keys of endpoints.

use std::time::Duration;

use super::{DAY, Default, Keys, Named, Optional, Required, Shape, key};

pub static ENDPOINTS: Named = Named { noun: "endpoint", variants: &[("", &ENDPOINT)] };

pub static ENDPOINT: Keys = Keys {
    title: "`endpoint.NAME`",
    about: "A place that enrich operators may ask, if they name it in `endpoints`. Requests stay below its URL, and redirects are not followed. docs/enrich.md tells the whole story.",
    keys: &[
        key(
            "url",
            Shape::Text,
            Required,
            "`http://HOST:PORT/PATH` or `https://…`, without user and query. What a module asks for is appended to it. It is shown in plans",
        ),
        key(
            "headers",
            Shape::Free,
            Default("{}"),
            "Headers of every request, each with its value: `{ accept = \"application/json\" }`. Modules cannot set them",
        ),
        key(
            "secret-env",
            Shape::Free,
            Default("{}"),
            "Headers whose values are secret, each with the environment variable that has it: `{ authorization = \"RATES_AUTHORIZATION\" }`. It is read when the job starts, and is never shown, logged or recorded",
        ),
        key(
            "secret-file",
            Shape::Free,
            Default("{}"),
            "The same, each with the file that has the value, relative to the job file",
        ),
        key(
            "ca",
            Shape::Text,
            Optional("those that the machine trusts"),
            "A file of certificates (PEM), relative to the job file, that alone vouch for the server",
        ),
        key(
            "timeout",
            Shape::Duration { min: Duration::from_millis(1), max: DAY },
            Default("\"10s\""),
            "For one request, from the connection to the last byte of its reply",
        ),
        key(
            "concurrency",
            Shape::Integer { min: 1, max: 4096 },
            Default("16"),
            "Requests of the job that are under way at once, at most",
        ),
        key(
            "retries",
            Shape::Integer { min: 0, max: 1000 },
            Default("3"),
            "How often a request is sent again: by itself if it got no answer or 429, 502, 503 or 504, or because the module says so",
        ),
        key(
            "backoff",
            Shape::Duration { min: Duration::ZERO, max: Duration::from_secs(30) },
            Default("\"100ms\""),
            "Time before a request is sent again for the first time; twice as long before each time after that, 30 seconds at most",
        ),
        key(
            "max-reply",
            Shape::Size { min: 1, max: 1 << 30 },
            Default("\"1MiB\""),
            "Bytes of a reply's body; of one that is larger the module is told that, and nothing of it",
        ),
    ],
};
