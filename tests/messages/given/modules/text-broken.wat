;; Text that does not parse.
(module
  (func (export "run") (i32.cons 1)))
