//! An engine that speaks TLS: to whom, with which certificate, and what it refuses before it does.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::served::{Place, Said, Served};

/// An authority, and the certificate and key of a server on this machine, as files of a place.
struct Vouched {
    authority: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

fn vouched(place: &Place, name: &str, host: &str) -> Vouched {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let root_cert = root.self_signed(&root_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let cert = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
    Vouched {
        authority: place.write(&format!("{name}-ca.pem"), root_cert.pem()),
        cert: place.write(&format!("{name}.pem"), cert.pem()),
        key: place.write(&format!("{name}.key"), key.serialize_pem()),
    }
}

fn serve<'a>(place: &'a Place, vouched: &Vouched) -> Served<'a> {
    place.serve_with(&["--tls-cert", vouched.cert.to_str().unwrap(), "--tls-key", vouched.key.to_str().unwrap()])
}

fn list(engine: &Served<'_>, authority: &Path) -> Said {
    engine.pelton(&["job", "list", "--engine-ca", authority.to_str().unwrap()])
}

#[test]
fn an_engine_speaks_tls_and_takes_up_a_renewed_certificate() {
    let place = Place::new();
    let first = vouched(&place, "first", "127.0.0.1");
    let engine = serve(&place, &first);
    assert!(engine.url.starts_with("https://127.0.0.1:"), "{}", engine.url);
    list(&engine, &first.authority).done();
    // Nobody vouches for it to a client that was told nothing; another authority does not either.
    let second = vouched(&place, "second", "127.0.0.1");
    let said = engine.pelton(&["job", "list"]).refused(1, "PELTON-0801");
    assert!(said.err.contains("--engine-ca"), "{said:?}");
    list(&engine, &second.authority).refused(1, "PELTON-0801");
    // A file of certificates without one is told from an engine that is not there.
    let said = list(&engine, &first.key).refused(2, "PELTON-0801");
    assert!(said.err.contains("failed to read the authorities"), "{said:?}");
    // What does not match is not taken up; what does is, and the engine goes on all the while.
    fs::copy(&second.cert, &first.cert).unwrap();
    thread::sleep(Duration::from_secs(6));
    list(&engine, &first.authority).done();
    fs::copy(&second.key, &first.key).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while !list(&engine, &second.authority).out.contains("job") {
        assert!(Instant::now() < until, "the certificate was not taken up");
        thread::sleep(Duration::from_millis(500));
    }
    let log = fs::read_to_string(place.path().join("engine.log")).unwrap();
    assert!(log.contains("the certificate in use stays") && !log.contains("panicked"), "{log}");
}

#[test]
fn certificates_that_cannot_be_used_are_refused_with_the_reason() {
    let place = Place::new();
    let (one, other) = (vouched(&place, "one", "127.0.0.1"), vouched(&place, "other", "127.0.0.1"));
    let refused = |cert: &Path, key: &Path, why: &str| {
        let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
        let said = place
            .pelton(&["serve", "--data", "data", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key])
            .refused(1, "PELTON-0810");
        assert!(said.err.contains(why), "{said:?}");
    };
    refused(&one.cert, &other.key, "cannot be used with the key");
    refused(&one.key, &one.key, "cannot be used with the key");
    refused(&one.cert, &one.cert, "has no private key in PEM");
    refused(&place.path().join("nothing.pem"), &one.key, "nothing.pem");
    // A certificate alone is half of what it takes.
    let half = place.pelton(&["serve", "--data", "data", "--tls-cert", one.cert.to_str().unwrap()]);
    assert!(half.err.contains("--tls-key"), "{half:?}");
}

#[test]
fn others_are_let_in_with_tls_and_a_token_alone() {
    let place = Place::new();
    let own = vouched(&place, "own", "localhost");
    let (cert, key) = (own.cert.to_str().unwrap(), own.key.to_str().unwrap());
    let plain = place.pelton(&["serve", "--data", "data", "--listen", "0.0.0.0:0"]).refused(1, "PELTON-0810");
    assert!(plain.err.contains("--tls-cert"), "{plain:?}");
    let open = ["serve", "--data", "data", "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key];
    let said = place.pelton(&open).refused(1, "PELTON-0810");
    assert!(said.err.contains("pelton token create"), "{said:?}");
}

#[test]
fn a_client_that_sends_its_request_drop_by_drop_is_left() {
    let place = Place::new();
    let engine = place.serve();
    let mut slow = TcpStream::connect(engine.url.strip_prefix("http://").unwrap()).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    slow.write_all(b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
    let begun = Instant::now();
    let mut answer = Vec::new();
    // It may be told so first; then the connection ends.
    let _ = slow.read_to_end(&mut answer);
    let waited = begun.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(30)).contains(&waited), "{waited:?}");
    assert_eq!(engine.get("/ping").status, 200);
}
