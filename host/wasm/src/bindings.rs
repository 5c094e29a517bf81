//! Host bindings of `wit/`, made by wasmtime's `bindgen!`.
//!
//! One world that exports every kind of operator, side inputs and `migrate`, so that all kinds share one set of types; no component exports it
//! whole: a module's kind says which of the interfaces is looked up. What goes in borrows from the batch (one copy, made
//! by the lowering); what comes out is owned (one copy, made by the lifting).

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package pelton:host;
        world every-operator {
            import pelton:operator/log@0.1.0;
            import pelton:operator/state@0.1.0;
            export pelton:operator/transform@0.1.0;
            export pelton:operator/keyed@0.1.0;
            export pelton:operator/aggregate@0.1.0;
            export pelton:operator/retractable@0.1.0;
            export pelton:operator/cogroup@0.1.0;
            export pelton:operator/enrich@0.1.0;
            export pelton:operator/tables@0.1.0;
            export pelton:operator/migrate@0.1.0;
        }
    ",
    world: "pelton:host/every-operator",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: { default: trappable },
});
