//! Calls whose instructions are counted: the same answers, and an end that time has no part in.

use arrow::array::Array;
use pelton_wasm::Metering;

use super::*;

fn metered(module: &Module, limits: &Limits) -> Result<Life, CallError> {
    let mut instance = TransformInstance::metered(module, limits, Metering::Instructions)?;
    let signature = instance.open(&input(), &[], "{}")?.check(&input(), &[])?;
    Ok(Life { instance, signature })
}

#[test]
fn a_metered_call_answers_as_any_other() {
    let module = load(&Guest::good(), &patient()).unwrap();
    let answer = metered(&module, &patient()).unwrap().process().unwrap();
    let plain = Life::begin(&module, &patient()).unwrap().process().unwrap();
    let computed = |answer: &Answer| answer.emitted[0].computed[0].to_data();
    assert_eq!(computed(&answer), computed(&plain));
}

#[test]
fn an_endless_loop_ends_by_its_instructions() {
    let limits = Limits { call_time: Duration::from_millis(20), ..Limits::default() };
    let module = load(&Guest::processing("(loop $ever (br $ever))"), &limits).unwrap();
    let error = metered(&module, &limits).unwrap().process().unwrap_err();
    assert!(error.is_overrun() && error.blames_rows(), "{error}");
    assert_eq!(error.to_string(), "hit its limit `call-time` = 20ms (counted in instructions) in `process`");
    the_neighbour_lives();
}

#[test]
fn each_call_may_use_up_as_much() {
    // A million turns in each call: more than half of the ten million instructions that a millisecond is.
    let turn = "(br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))";
    let spin = format!("(func $spin (local $left i32) (local.set $left (i32.const 1000000)) (loop $again {turn}))");
    let guest = Guest { more: spin, ..Guest::processing("(call $spin)") };
    let module = load(&guest, &Limits::default()).unwrap();
    let limits = Limits { call_time: Duration::from_millis(1), ..Limits::default() };
    let mut life = metered(&module, &limits).unwrap();
    for _ in 0..5 {
        life.process().expect("the count begins anew with each call");
    }
}

#[test]
fn a_trap_is_a_trap() {
    let module = load(&Guest::processing("unreachable"), &patient()).unwrap();
    let error = metered(&module, &patient()).unwrap().process().unwrap_err();
    assert!(matches!(&error, CallError::Trap { call: "process", .. }) && !error.frames().is_empty(), "{error}");
}
