;; A component of a kind that is not run yet.
(component
  (component $empty)
  (instance $operator (instantiate $empty))
  (export "pelton:operator/keyed@0.1.0" (instance $operator)))
