//! Lists and maps of state: read and changed in the call of the rows, and again, from the engine, in the calls of timers.
use pelton_guest::prelude::*;

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row)]
struct Play<'a> {
    song: &'a str,
    at: Timestamp,
}

#[derive(State, Clone)]
struct Round {
    round: i64,
}

#[derive(State, Clone)]
struct Played {
    song: String,
    at: Option<Timestamp>,
}

#[derive(Subkey, Clone)]
struct Place {
    times: i32,
    song: String,
}

#[derive(Row)]
struct Told<'a> {
    what: &'a str,
    text: String,
    n: i64,
}

const TELL: u32 = 0;

#[keyed]
#[expect(clippy::too_many_arguments, reason = "a test of all of them")]
fn plays(
    _user: User<'_>,
    round: &mut Option<Round>,
    plays: Group<Play<'_>>,
    recent: &mut List<Played>,
    songs: &mut Map<String, i64>,
    places: &mut Map<Place, f64>,
    timers: &mut Timers,
    out: &mut Out<Told<'_>>,
) {
    for play in plays {
        let times = songs.get(play.song).unwrap_or(0) + 1;
        songs.put(play.song.to_owned(), times);
        recent.push(Played { song: play.song.to_owned(), at: (times > 1).then_some(play.at) });
        places.put(Place { times: times as i32, song: play.song.to_owned() }, times as f64 / 2.0);
        if times > 1 {
            places.remove(&Place { times: times as i32 - 1, song: play.song.to_owned() });
        }
        out.emit_from(&play, Told { what: "play", text: play.song.to_owned(), n: times });
        timers.set(TELL, play.at);
    }
    while timers.next_due().is_some() {
        let number = round.as_ref().map_or(1, |round| round.round + 1);
        *round = Some(Round { round: number });
        tell(recent, songs, places, out);
        let popped: Vec<String> = (0..2).filter_map(|_| recent.pop_front()).map(|played| played.song).collect();
        out.emit(Told { what: "popped", text: popped.join(","), n: number });
        recent.truncate_front(20);
        recent.push(Played { song: "last".to_owned(), at: None });
        songs.remove("s01");
        songs.put("zz".to_owned(), number);
        places.put(Place { times: -1, song: "ü".to_owned() }, 0.25);
        tell(recent, songs, places, out);
        if number == 2 {
            places.clear();
        }
        if number < 3 {
            timers.set(TELL, Timestamp(0));
        }
    }
}

fn tell(recent: &List<Played>, songs: &Map<String, i64>, places: &Map<Place, f64>, out: &mut Out<Told<'_>>) {
    let mut say = |what: &'static str, words: Vec<String>, n: i64| out.emit(Told { what, text: words.join(","), n });
    let dated = recent.iter().filter(|played| played.at.is_some()).count();
    say("recent", recent.iter().map(|played| played.song).collect(), recent.len() as i64);
    say("last", recent.iter().rev().take(3).map(|played| played.song).collect(), dated as i64);
    say("some", recent.range(5..8).map(|played| played.song).collect(), i64::from(recent.get(30).is_some()));
    let all: Vec<(String, i64)> = songs.iter().collect();
    let sum = all.iter().map(|(_, times)| times).sum();
    say("songs", all.into_iter().map(|(song, times)| format!("{song}={times}")).collect(), sum);
    let below = songs.range(.."s12".to_owned()).rev().take(3);
    say("below", below.map(|(song, _)| song).collect(), songs.get("s01").unwrap_or(-1));
    let from = |times: i32| Place { times, song: String::new() };
    let twice = places.range(from(2)..from(3));
    say("twice", twice.map(|(place, _)| place.song).collect(), places.iter().map(|(_, half)| (half * 4.0) as i64).sum());
}
