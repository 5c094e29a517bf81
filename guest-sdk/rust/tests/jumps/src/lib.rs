//! Jumps of a sensor, as a module: what `tests/component.rs` builds to look at its exports.

use pelton_guest::prelude::*;

#[derive(Row)]
struct Sensor {
    sensor: u32,
}

#[derive(Row)]
struct Reading {
    celsius: f64,
}

#[derive(State)]
struct Last {
    celsius: f64,
}

#[derive(Row)]
struct Jump {
    from: f64,
    to: f64,
}

/// Readings of a sensor that are far from the one before; a sensor that is silent for an hour begins anew.
#[keyed]
fn jumps(
    sensor: Sensor,
    last: &mut Option<Last>,
    readings: Group<Reading>,
    timers: &mut Timers,
    out: &mut Out<Jump>,
    ctx: &Context,
) {
    for reading in readings {
        let to = reading.celsius;
        if let Some(from) = last.as_ref().map(|last| last.celsius).filter(|from| (to - from).abs() > 10.0) {
            log::debug!("sensor {} jumps", sensor.sensor);
            out.emit_from(&reading, Jump { from, to });
        }
        *last = Some(Last { celsius: to });
        timers.set_processing(0, ctx.now() + std::time::Duration::from_secs(3_600));
    }
    if timers.next_due().is_some() {
        *last = None;
    }
}
