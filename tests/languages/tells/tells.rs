//! The words that an endpoint makes of a line, one row for each; lines that it does not know, and empty ones, leave by outputs of their own; a `!` among the
//! words refuses the line as a whole.
use pelton_guest::prelude::*;

#[derive(Options)]
struct Options {
    #[default(",".to_owned())]
    separator: String,
}

#[derive(Row)]
struct Line<'a> {
    line: &'a str,
}

#[derive(Row)]
struct Word {
    word: String,
    place: i32,
}

#[derive(Row)]
struct Unknown {
    status: i32,
}

#[derive(Ports)]
enum Told {
    #[port("words")]
    Word(Word),
    #[port("unknown", pass = ["id"], rename(id = "row"))]
    Unknown(Unknown),
    #[port("blanks", pass = all)]
    Blank,
}

struct Tells;

#[enrich(drop = ["line"])]
impl Tells {
    fn ask(line: Line<'_>) -> Option<Request> {
        let known = (!line.line.is_empty()).then(|| Request::post("words", "/split", line.line));
        known.map(|request| request.query("as", "text/plain").query("all", "").header("x-of", "tells"))
    }

    fn answer(line: Line<'_>, reply: Option<&Reply>, options: &Options) -> Result<Vec<Told>, String> {
        let Some(reply) = reply else { return Ok(vec![Told::Blank, Told::Blank]) };
        if reply.status() == 404 {
            return Ok(vec![Told::Unknown(Unknown { status: 404 })]);
        }
        let words = reply.text()?.split(options.separator.as_str()).zip(0..);
        let words = words.map(|(word, place)| match word {
            "!" => Err(format!("`{}` is a shout", line.line)),
            "?" => Ok(Told::Unknown(Unknown { status: i32::from(reply.status()) })),
            word => Ok(Told::Word(Word { word: word.to_owned(), place })),
        });
        words.collect()
    }
}
