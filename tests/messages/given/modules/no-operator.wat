;; A core module that exports nothing of Pelton's.
(module
  (memory (export "memory") 1)
  (func (export "run")))
