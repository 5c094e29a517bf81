//! A list and a map that grow for many rounds, changed and read by numbers that look like chance: what is read must be the same everywhere.
use pelton_guest::prelude::*;

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row)]
struct Begin {
    start: i64,
}

#[derive(State, Clone)]
struct Drawn {
    round: i64,
    drawn: u64,
}

#[derive(State, Clone)]
struct Queued {
    n: i32,
    x: Option<f64>,
}

#[derive(Subkey, Clone)]
struct Place {
    late: bool,
    id: u32,
    name: String,
}

#[derive(State, Clone)]
struct Book {
    n: i64,
    note: Option<String>,
}

#[derive(Row)]
struct Told {
    sum: u64,
    length: i64,
    books: i64,
}

const NAMES: [&str; 4] = ["", "a", "a\0", "ü"];
const ROUNDS: i64 = 12;
const NEXT: u32 = 0;

struct Round<'a> {
    drawn: u64,
    sum: u64,
    queue: &'a mut List<Queued>,
    shelf: &'a mut Map<Place, Book>,
}

impl Round<'_> {
    fn pick(&mut self, below: u64) -> u64 {
        self.drawn = self.drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.drawn >> 33) % below
    }

    fn mix(&mut self, value: u64) {
        self.sum = self.sum.wrapping_mul(31).wrapping_add(value);
    }

    fn mix_book(&mut self, place: &Place, book: &Book) {
        self.mix(u64::from(place.late) * 1000 + u64::from(place.id));
        self.mix(NAMES.iter().position(|name| *name == place.name).map_or(0, |at| at as u64));
        self.mix(book.n as u64);
        self.mix(book.note.as_ref().map_or(7, |note| note.len() as u64));
    }

    fn place(&mut self) -> Place {
        let (late, id) = (self.pick(2) == 1, self.pick(60) as u32);
        Place { late, id, name: NAMES[self.pick(4) as usize].to_owned() }
    }

    fn mix_all(&mut self, books: Vec<(Place, Book)>) {
        books.iter().for_each(|(place, book)| self.mix_book(place, book));
    }

    fn grow(&mut self) {
        let all: Vec<(Place, Book)> = self.shelf.iter().collect();
        all.into_iter().for_each(|(place, book)| self.shelf.put(place, Book { n: book.n + 1, ..book }));
    }

    fn step(&mut self) {
        match self.pick(16) {
            0..=4 => {
                let (place, n, number) = (self.place(), self.pick(1000) as i64 - 500, self.pick(300));
                self.shelf.put(place, Book { n, note: (number >= 100).then(|| format!("n{number}")) });
            }
            5 => {
                let place = self.place();
                self.shelf.remove(&place);
            }
            6 => {
                let place = self.place();
                match self.shelf.get(&place) {
                    Some(book) => self.mix_book(&place, &book),
                    None => self.mix(1),
                }
            }
            7 | 8 => {
                for _ in 0..=self.pick(6) {
                    let n = self.pick(1000) as i32;
                    self.queue.push(Queued { n, x: (n % 2 != 0).then(|| f64::from(n) / 4.0) });
                }
            }
            9 => {
                for _ in 0..self.pick(4) {
                    let n = self.queue.pop_front().map_or(3, |queued| queued.n as u64);
                    self.mix(n);
                }
            }
            10 => {
                let at = self.pick(60) as usize;
                let n = self.queue.get(at).map_or(5, |queued| queued.n as u64);
                self.mix(n);
            }
            11 => {
                let (from, to, most) = (self.place(), self.place(), self.pick(50) as usize);
                let books = self.shelf.range(from..to).take(most).collect();
                self.mix_all(books);
            }
            12 => {
                let (from, to, most) = (self.place(), self.place(), self.pick(50) as usize);
                let books = self.shelf.range(from..to).rev().take(most).collect();
                self.mix_all(books);
            }
            13 => {
                let (from, count) = (self.pick(50) as usize, self.pick(50) as usize);
                let some: Vec<Queued> = self.queue.range(from..from + count).collect();
                some.iter().for_each(|queued| self.mix(queued.x.map_or(queued.n as u64, |x| (x * 4.0) as u64 + 9)));
            }
            14 => {
                let most = self.pick(40) as usize;
                let some: Vec<Queued> = self.queue.iter().rev().take(most).collect();
                some.iter().for_each(|queued| self.mix(queued.n as u64));
            }
            _ => match self.pick(20) {
                0 => self.shelf.clear(),
                1 => self.queue.truncate_front(10),
                2 => self.queue.clear(),
                3 | 4 => self.grow(),
                _ => {
                    let length = self.queue.len() as u64;
                    self.mix(length);
                }
            },
        }
    }
}

#[keyed]
fn shelves(
    _user: User<'_>,
    state: &mut Option<Drawn>,
    begins: Group<Begin>,
    queue: &mut List<Queued>,
    shelf: &mut Map<Place, Book>,
    timers: &mut Timers,
    out: &mut Out<Told>,
) {
    for begin in begins {
        *state = Some(Drawn { round: 0, drawn: begin.start as u64 });
        timers.set(NEXT, Timestamp(0));
    }
    while timers.next_due().is_some() {
        let Some(before) = state.clone() else { return };
        let mut round = Round { drawn: before.drawn, sum: 0, queue, shelf };
        (0..200).for_each(|_| round.step());
        let all: Vec<(Place, Book)> = round.shelf.iter().collect();
        let books = all.len() as i64;
        round.mix_all(all);
        let length = round.queue.len() as i64;
        *state = Some(Drawn { round: before.round + 1, drawn: round.drawn });
        out.emit(Told { sum: round.sum, length, books });
        if before.round + 1 < ROUNDS {
            timers.set(NEXT, Timestamp(0));
        }
    }
}
