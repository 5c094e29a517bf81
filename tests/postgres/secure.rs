//! TLS and passwords.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{place::Place, server::Server};

/// A server that takes passwords over TLS alone, with a certificate of its own making for `localhost`. Answers its port.
fn secured(server: &mut Server) -> u16 {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = [("server.crt", made.cert.pem(), 0o644), ("server.key", made.signing_key.serialize_pem(), 0o600)];
    for (name, pem, mode) in files {
        let path = server.path("data").join(name);
        fs::write(&path, pem).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        server.give(&path);
    }
    let rules = "local all pelton trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(server.path("data").join("pg_hba.conf"), rules).unwrap();
    let port = server.listen(&["ssl=on"]);
    server.begin();
    server.sql("CREATE ROLE shop LOGIN PASSWORD 'hunter2'; GRANT ALL ON SCHEMA public TO shop");
    port
}

#[test]
fn sslmode_and_the_password_are_what_they_say() {
    let Some(mut server) = Server::stopped() else { return };
    let port = secured(&mut server);
    let ca = server.path("data").join("server.crt").display().to_string();
    let with_ca = format!("ca = \"{ca}\"\n");
    let cases = [
        // TLS with whomever, and with the one that the file names.
        ("localhost", "sslmode=require", "", "hunter2", None),
        ("127.0.0.1", "", "", "hunter2", None),
        ("localhost", "sslmode=verify-full", with_ca.as_str(), "hunter2", None),
        // A name that the certificate does not have, and a certificate that nobody vouches for.
        ("127.0.0.1", "sslmode=verify-full", with_ca.as_str(), "hunter2", Some("PELTON-0405")),
        ("localhost", "sslmode=verify-full", "", "hunter2", Some("PELTON-0405")),
        ("localhost", "sslmode=disable", "", "hunter2", Some("PELTON-0405")),
        ("localhost", "sslmode=require", "", "wrong", Some("password authentication failed")),
    ];
    for (host, query, ca, password, refusal) in cases {
        let mut place = Place::new(&server, "checkpoint = \"state\"", "");
        let url = format!(
            "url = \"postgresql://shop@{host}:{port}/postgres?{query}\"\npassword-env = \"SHOP_PASSWORD\"\n{ca}"
        );
        place.edit(&format!("url = \"{}\"\n", server.url()), &url);
        place.edit("table = \"orders\"", "table = \"orders\"\ncreate = true");
        place.begin_anew(&server);
        let output = place.command().env("SHOP_PASSWORD", password).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("hunter2"), "{said}");
        match refusal {
            None => {
                assert!(output.status.success(), "{url}: {said}");
                place.compare(&server, &url);
            }
            Some(expected) => assert!(said.contains(expected) && said.contains("PELTON-0405"), "{url}: {said}"),
        }
    }
    let mut place = Place::new(&server, "", "password-env = \"PELTON_TEST_NO_SUCH\"");
    place.edit("table = \"orders\"", "table = \"orders\"\ncreate = true");
    assert!(place.refusal().contains("`PELTON_TEST_NO_SUCH`, which `password-env` names, is not set"));
}
