;; Answers with one row for a batch of any size.
(module
  (memory (export "memory") 1)
  ;; result<contract, string>: ok; reads, ports, tables, state, version, properties.
  (data (i32.const 0x400) "\00\00\00\00\40\04\00\00\01\00\00\00\60\04\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 0x440) "\50\04\00\00\01\00\00\00") ;; reads: one list
  (data (i32.const 0x450) "\00\05\00\00\01\00\00\00") ;; ... of one name, `x`
  (data (i32.const 0x460) "\01\05\00\00\03\00\00\00\80\04\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00") ;; ports: name, fields, event-time
  (data (i32.const 0x480) "\01\00\00\00\04\05\00\00\01\00\00\00\05\05\00\00\01\00\00\00\00\00\00\00\00\00\00\00") ;; fields of the port: computed, name, format, nullable, children
  (data (i32.const 0x500) "xoutyl")
  ;; result<output, failure>: ok; emitted, rejected.
  (data (i32.const 0x600) "\00\00\00\00\20\06\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
  (data (i32.const 0x620) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\40\06\00\00\01\00\00\00") ;; emitted: port, origin, rows, nodes
  (data (i32.const 0x640) "\01\00\00\00\50\06\00\00\02\00\00\00") ;; the node of `y`: rows, buffers
  (data (i32.const 0x650) "\00\00\00\00\00\00\00\00\00\07\00\00\08\00\00\00") ;; validity, values
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x1000))
  (func $open (export "pelton:operator/transform@0.1.0#open") (param i32 i32 i32 i32) (result i32)
    (i32.const 0x400))
  (func $process (export "pelton:operator/transform@0.1.0#process") (param i64 i64 i64 i64 i64 i32 i32 i32) (result i32)
    (i32.const 0x600)))
