//! Arrow IPC files.
pub struct IpcRange;
