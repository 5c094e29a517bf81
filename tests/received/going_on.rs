//! Standard input over restarts, a server that dies, ports, silence, and how a run ends.

use std::{
    fs,
    io::Write,
    net::{TcpListener, TcpStream},
    process::{ChildStdin, Stdio},
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use super::{
    clients::{post, row, saying, whole},
    place::{PATIENCE, Place, Run, free, reachable},
};

fn job(source: &str, batch: &str) -> String {
    format!(
        "name = \"received\"\ncheckpoint = \"state\"\nbatch = {{ interval = \"{batch}\" }}\n[source.in]\n{source}\nformat = \"csv\"\n\
         schema = {{ client = \"u64\", number = \"u64\", check = \"u64\" }}\n\
         [sink.out]\ninput = \"in\"\ntype = \"file\"\npath = \"out\"\nformat = \"csv\"\n"
    )
}

fn numbers(place: &Place) -> Vec<u64> {
    place.rows("out").iter().map(|row| whole(row).1).collect()
}

fn with_input(place: &Place) -> (Run, ChildStdin) {
    let mut process = place.command().stdin(Stdio::piped()).spawn().unwrap();
    let input = process.stdin.take().unwrap();
    (Run { process }, input)
}

#[test]
fn standard_input_goes_on_after_a_kill_a_stop_and_its_end() {
    let place = Place::new(&job("type = \"stdin\"", "5ms"));
    let (run, mut input) = with_input(&place);
    input.write_all(format!("{}{}2,", row(1, 0), row(1, 1)).as_bytes()).unwrap();
    place.until("two rows are there", |place| numbers(place) == [0, 1]);
    run.kill();
    let (run, mut input) = with_input(&place);
    input.write_all(row(1, 2).as_bytes()).unwrap();
    place.until("the third row is there", |place| numbers(place) == [0, 1, 2]);
    assert_eq!(run.stop().code(), Some(130));
    for number in [3, 4] {
        let (mut run, mut input) = with_input(&place);
        // The last row of an input needs no newline.
        input.write_all(row(1, number).trim_end().as_bytes()).unwrap();
        drop(input);
        assert_eq!(run.end(PATIENCE).and_then(|status| status.code()), Some(0), "{}", place.log());
        assert_eq!(numbers(&place), (0..=number).collect::<Vec<_>>());
    }
}

/// What a job knows can be looked at although no row comes any more.
#[test]
fn state_is_saved_when_rows_have_stopped_to_come() {
    let address = free();
    let source = format!("type = \"http\"\nlisten = \"{address}\"");
    let counts = job(&source, "5ms").replace("checkpoint = \"state\"", "checkpoint = \"state\"\nsnapshots = \"100ms\"").replace(
        "[sink.out]\ninput = \"in\"",
        "[operator.count]\ninput = \"in\"\nkey = [\"client\"]\naggregate = { n = \"std:count\" }\n[sink.out]\ninput = \"count\"",
    );
    let place = Place::new(&counts);
    let run = place.run(None);
    reachable(address);
    assert_eq!(post(address, &row(7, 0)), 200);
    let looked = |place: &Place| {
        let mut command = std::process::Command::new(pelton_tests::binary().unwrap());
        let said = command.args(["state", "get", "job.toml", "count", "7"]).current_dir(place.path()).output().unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    place.until("the only epoch is in a snapshot", |place| looked(place).contains('7'));
    // And one is enough: nothing has changed since.
    thread::sleep(Duration::from_millis(500));
    let epochs = |place: &Place| {
        fs::read_to_string(place.path().join("out/_manifest.jsonl")).unwrap_or_default().lines().count()
    };
    let before = epochs(&place);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(epochs(&place), before);
    assert_eq!(run.stop().code(), Some(130));
}

/// A second run whose windows were closed by the end of the first must not throw away what it is given.
#[test]
fn standard_input_is_not_dropped_when_its_windows_were_closed() {
    let counts = job("type = \"stdin\"", "5ms").replace(
        "[sink.out]\ninput = \"in\"",
        "[operator.count]\ninput = \"in\"\nkey = [\"client\"]\naggregate = { n = \"std:count\" }\nemit = \"on-close\"\n[sink.out]\ninput = \"count\"",
    );
    let place = Place::new(&counts);
    let run = |text: &str| {
        let (mut run, mut input) = with_input(&place);
        // The run may refuse it before it is read.
        drop(input.write_all(text.as_bytes()));
        drop(input);
        run.end(PATIENCE).and_then(|status| status.code())
    };
    assert_eq!(run(&row(1, 0)), Some(0), "{}", place.log());
    assert_eq!(run(""), Some(0), "nothing is lost where nothing comes: {}", place.log());
    assert_eq!(run(&row(1, 1)), Some(1), "{}", place.log());
    assert!(
        place.log().contains("source `in` is given more") && place.log().contains("PELTON-0503"),
        "{}",
        place.log()
    );
    assert_eq!(place.lines("out"), ["1,1"]);
}

#[test]
fn a_job_that_is_started_again_by_itself_loses_nothing_of_its_input() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    // The second source cannot listen at first, so that the first attempts fail while standard input is read.
    let job = job("type = \"stdin\"", "5ms");
    let job = job.replace("batch =", "restart = { type = \"fixed\", delay = \"50ms\", attempts = 1000 }\nbatch =");
    let address = taken.local_addr().unwrap();
    let other = format!("[source.other]\ntype = \"socket\"\nlisten = \"{address}\"\nformat = \"text\"\n");
    let place = Place::new(&format!("{job}{other}[sink.others]\ninput = \"other\"\ntype = \"blackhole\"\n"));
    let (run, mut input) = with_input(&place);
    for number in 0..40 {
        input.write_all(row(1, number).as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    place.until("attempts have failed", |place| place.log().matches("PELTON-0206").count() > 2);
    drop(taken);
    place.until("all rows are there", |place| numbers(place).len() >= 40);
    assert_eq!(numbers(&place), (0..40).collect::<Vec<_>>());
    assert_eq!(run.stop().code(), Some(130));
}

#[test]
fn a_server_that_dies_is_found_again_and_no_row_is_half() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let place = Place::new(&job(&format!("type = \"socket\"\nconnect = \"{address}\"\nmax-delay = \"200ms\""), "5ms"));
    let run = place.run(None);
    let mut listener = Some(listener);
    for life in 0..6 {
        let bound = listener.take().unwrap_or_else(|| TcpListener::bind(address).unwrap());
        let (mut peer, _) = bound.accept().unwrap();
        for number in life * 100..(life + 1) * 100 {
            peer.write_all(row(3, number).as_bytes()).unwrap();
        }
        // It dies within a row.
        peer.write_all(&row(3, 999_999).as_bytes()[..5]).unwrap();
        place.until("its rows are there", |place| numbers(place).len() as u64 >= (life + 1) * 100);
        drop((peer, bound));
        thread::sleep(Duration::from_millis(20 * life));
    }
    assert_eq!(numbers(&place), (0..600).collect::<Vec<_>>());
    assert!(place.log().contains("a connection ended within a row"), "{}", place.log());
    assert_eq!(run.stop().code(), Some(130));
}

#[test]
fn a_port_in_use_ends_the_run_with_its_name() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for kind in ["socket", "http"] {
        let place = Place::new(&job(&format!("type = \"{kind}\"\nlisten = \"{address}\""), "5ms"));
        let mut run = place.run(None);
        assert_eq!(run.end(PATIENCE).and_then(|status| status.code()), Some(1));
        assert!(place.log().contains("PELTON-0206") && place.log().contains(&address.to_string()), "{}", place.log());
    }
}

#[test]
fn epochs_close_while_rows_dribble_and_a_stop_takes_one() {
    let address = free();
    let place = Place::new(&job(&format!("type = \"socket\"\nlisten = \"{address}\""), "200ms"));
    let run = place.run(None);
    reachable(address);
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let dribble = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            for number in 0.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed)
                    || stream.write_all(row(1, number).as_bytes()).is_err()
                {
                    break;
                }
                thread::sleep(Duration::from_millis(3));
            }
        })
    };
    let mut seen = Vec::new();
    place.until("several epochs are visible", |place| {
        let rows = numbers(place).len();
        if seen.last() != Some(&rows) {
            seen.push(rows);
        }
        seen.len() > 5
    });
    assert!(begun.elapsed() < Duration::from_secs(20), "{seen:?}");
    let asked = Instant::now();
    assert_eq!(run.stop().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(4), "it took {:?}", asked.elapsed());
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    dribble.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
    let numbers = numbers(&place);
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_silent_source_and_silent_clients_hold_no_window_open() {
    let (busy, silent) = (free(), free());
    let source = |name: &str, address| {
        format!(
            "[source.{name}]\ntype = \"socket\"\nlisten = \"{address}\"\nformat = \"csv\"\nschema = {{ word = \"utf8\", at = \"timestamp[ms]\" }}\n\
             event-time = {{ column = \"at\", watermark = \"0s\", idle = \"300ms\" }}\n"
        )
    };
    let place = Place::new(&format!(
        "name = \"silent\"\ncheckpoint = \"state\"\nbatch = {{ interval = \"20ms\" }}\n{}{}\
         [operator.counted]\ninput = [\"busy\", \"silent\"]\nkey = [\"word\"]\nwindow = {{ type = \"tumbling\", length = \"1s\" }}\nmodule = \"std:count\"\n\
         [sink.out]\ninput = \"counted\"\ntype = \"file\"\npath = \"out\"\nformat = \"csv\"\n",
        source("busy", busy),
        source("silent", silent)
    ));
    let run = place.run(None);
    reachable(busy);
    reachable(silent);
    // Connected, and never a word.
    let _quiet = (TcpStream::connect(busy).unwrap(), TcpStream::connect(silent).unwrap());
    let mut client = TcpStream::connect(busy).unwrap();
    client.write_all(b"a,2026-01-01T00:00:00Z\na,2026-01-01T00:00:00.5Z\na,2026-01-01T00:00:02Z\n").unwrap();
    place.until("the window is closed", |place| place.lines("out").len() == 1);
    assert_eq!(run.stop().code(), Some(130));
}

#[test]
fn without_a_checkpoint_rows_live_in_memory() {
    let (address, said) = (free(), free());
    let source = format!(
        "type = \"socket\"\nlisten = \"{said}\"\nformat = \"text\"\n[sink.said]\ntype = \"blackhole\"\ninput = \"other\"\n"
    );
    let job = job(&format!("type = \"http\"\nlisten = \"{address}\""), "5ms").replace("checkpoint = \"state\"\n", "");
    let place = Place::new(&format!("{job}[source.other]\n{source}"));
    let run = place.run(None);
    reachable(address);
    let stop = Arc::new(AtomicBool::new(false));
    let sayer = saying(4, said, &stop);
    for number in 0..50 {
        assert_eq!(post(address, &row(1, number)), 200);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    sayer.join().unwrap();
    // Much at once: most of it waits when the stop comes, and all of it was answered for.
    let many = 20_000_u64;
    for part in 0..10 {
        let numbers = (50 + part * many)..(50 + (part + 1) * many);
        assert_eq!(post(address, &numbers.map(|number| row(1, number)).collect::<String>()), 200);
    }
    assert_eq!(run.stop().code(), Some(130), "{}", place.log());
    assert_eq!(numbers(&place), (0..50 + 10 * many).collect::<Vec<_>>());
    assert!(!place.path().join("state").exists());
}
