//! Advertisements that were seen: of all events the views, and of a view which advertisement and when.
//!
//! What follows is the host's: the join with the campaigns, the windows, and the count.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Event<'a> {
    event_type: &'a str,
}

#[transform(pass = ["ad_id", "event_time"])]
fn views(event: Event<'_>) -> bool {
    event.event_type == "view"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_views_pass_with_their_advertisement_and_time() {
        let out = views.test(rows! {
            user_id: ["u1", "u2", "u3"],
            ad_id: ["a", "b", "c"],
            event_type: ["view", "click", "view"],
            event_time: [1, 2, 3],
        });
        assert_eq!(out.main(), &rows! { ad_id: ["a", "c"], event_time: [1, 3] });
    }
}
