;; A transform without an SDK: reads `n: s64`, passes it, and makes `twice`. docs/languages/other.md has the contract.
(module
  (memory (export "memory") 2)
  ;; Where the next allocation begins. Below stand the constants of `data` and the answer of `process`.
  (global $next (mut i32) (i32.const 4096))

  ;; Room for what the engine hands over: never moved, freed all at once when the call's answer was read.
  (func $alloc (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local $missing i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 15)) (i32.const -16)))
    (local.set $missing (i32.sub (global.get $next) (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (i32.const -1) (memory.grow (i32.shr_u (i32.add (local.get $missing) (i32.const 65535)) (i32.const 16))))
          (then unreachable))))
    (local.get $at))
  (func $free (global.set $next (i32.const 4096)))

  ;; The contract is always the same: the constant at 1024.
  (func (export "pelton:operator/transform@0.1.0#open") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "cabi_post_pelton:operator/transform@0.1.0#open") (param i32) (call $free))

  (func (export "pelton:operator/transform@0.1.0#process")
    (param $epoch i64) (param $first-row i64) (param $now i64) (param $watermark i64) (param $seed i64)
    (param $rows i32) (param $nodes i32) (param $nodes-count i32) (result i32)
    (local $buffers i32)
    (local $from i32)
    (local $to i32)
    (local $end i32)
    ;; The one node that was read: its buffers are validity and values.
    (local.set $buffers (i32.load offset=4 (local.get $nodes)))
    (local.set $from (i32.load offset=8 (local.get $buffers)))
    (local.set $to (call $alloc (i32.const 0) (i32.const 0) (i32.const 16) (i32.shl (local.get $rows) (i32.const 3))))
    ;; The answer stands at 2048, with all that never changes; the rest is put into it.
    (i32.store (i32.const 2064) (local.get $rows))
    (i32.store (i32.const 2080) (local.get $rows))
    (i64.store (i32.const 2096) (i64.load (local.get $buffers)))
    (i32.store (i32.const 2104) (local.get $to))
    (i32.store (i32.const 2108) (i32.shl (local.get $rows) (i32.const 3)))
    (local.set $end (i32.add (local.get $from) (i32.shl (local.get $rows) (i32.const 3))))
    (block $done
      (loop $row
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (i64.store (local.get $to) (i64.shl (i64.load (local.get $from)) (i64.const 1)))
        (local.set $from (i32.add (local.get $from) (i32.const 8)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (br $row)))
    (i32.const 2112))
  (func (export "cabi_post_pelton:operator/transform@0.1.0#process") (param i32) (call $free))

  ;; result<contract, string>: 0 is no error; then reads, ports, tables, state, state-version, properties.
  (data (i32.const 1024) "\00\00\00\00"
    "\50\04\00\00\01\00\00\00"   ;; reads: 1 list at 1104
    "\60\04\00\00\01\00\00\00"   ;; ports: 1 at 1120
    "\00\00\00\00\00\00\00\00"   ;; tables
    "\00\00\00\00\00\00\00\00"   ;; state
    "\00\00\00\00"               ;; state-version
    "\00\00\00\00\00\00\00\00")  ;; properties
  (data (i32.const 1104) "\58\04\00\00\01\00\00\00"   ;; the columns of the only edge: 1 at 1112
    "\f0\04\00\00\01\00\00\00")                       ;; "n" at 1264
  (data (i32.const 1120)
    "\f8\04\00\00\03\00\00\00"   ;; the port's name: "out" at 1272
    "\80\04\00\00\02\00\00\00"   ;; fields: 2 at 1152
    "\00\00\00\00\00\00\00\00\00\00\00\00")  ;; event-time: none
  (data (i32.const 1152)
    "\00\00\00\00\f0\04\00\00\01\00\00\00\f0\04\00\00\01\00\00\00\00\00\00\00\00\00\00\00"   ;; pass ("n", "n")
    "\01\00\00\00\00\05\00\00\05\00\00\00\08\05\00\00\01\00\00\00\01\00\00\00\00\00\00\00")  ;; computed "twice", "l", nullable, no children
  (data (i32.const 1264) "n")
  (data (i32.const 1272) "out")
  (data (i32.const 1280) "twice")
  (data (i32.const 1288) "l")

  ;; One `emitted` at 2048: port 0, no origin, a table of so many rows with 1 node at 2080, whose 2 buffers stand at 2096.
  (data (i32.const 2048) "\00\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00" "\00\00\00\00" "\20\08\00\00\01\00\00\00")
  (data (i32.const 2080) "\00\00\00\00" "\30\08\00\00\02\00\00\00")
  ;; result<output, failure>: 0 is no error; emitted: 1 at 2048; rejected: none.
  (data (i32.const 2112) "\00\00\00\00" "\00\08\00\00\01\00\00\00" "\00\00\00\00\00\00\00\00"))
