//! Windows against enumeration.
