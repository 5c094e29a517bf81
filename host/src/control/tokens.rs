//! Who may ask the engine for what: bearer tokens with roles.
//!
//! A token is 256 random bits, shown once when it is made; what is kept is its BLAKE3, by which nobody gets in. Called by `api` for each
//! request and by `pelton token`, also while an engine runs: the file is read anew each time, so that a token that was revoked is
//! gone at once. Until the first token is made everybody who reaches the engine over loopback may do everything, and nobody else anything.
//! Afterwards nobody gets in without one, also when all of them have been revoked.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ControlError, folder::Folder};
use crate::{clock, job::file::reader::name_fault};

/// What a token is for; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// To look at jobs and modules.
    Read,
    /// To push modules; to submit, pause, resume, stop and drain jobs.
    Operate,
    /// To remove them.
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A token, without what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    pub name: String,
    pub role: Role,
    /// BLAKE3 of the token, in hexadecimal digits.
    #[serde(rename = "blake3")]
    hash: String,
    /// In µs since 1970 UTC.
    pub created: i64,
}

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    pub role: Role,
}

/// Who can reach the engine at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// This machine alone: it is open until the first token is made.
    Local,
    /// Other machines too: nobody gets in without a token.
    Exposed,
}

/// Whether a request may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    As(Caller),
    /// There are tokens, and it has none.
    TokenMissing,
    /// It has one that nobody gave.
    TokenUnknown,
}

const FILE: &str = "tokens";
const LOCK: &str = "tokens.lock";
/// Begins every token, so that one that leaked is known for what it is.
const PREFIX: &str = "pelton_";
/// Whoever comes before the first token is made.
const LOCAL: &str = "local";

#[derive(Debug)]
pub struct Tokens {
    data: Folder,
}

impl Tokens {
    pub fn open(data: &Path) -> Result<Self, ControlError> {
        Ok(Self { data: Folder::create(data)? })
    }

    pub fn list(&self) -> Result<Vec<TokenInfo>, ControlError> {
        Ok(self.data.read_record(FILE)?.unwrap_or_default())
    }

    /// Makes a token and answers it: nobody can see it again.
    pub fn create(&self, name: &str, role: Role) -> Result<String, ControlError> {
        if let Some(fault) = name_fault(name) {
            return Err(ControlError::invalid(
                format!("the token's name is not one: {fault}"),
                "names are letters, digits, `-` and `_`, 100 characters at most",
            ));
        }
        let _lock = self.data.lock(LOCK)?;
        let mut tokens = self.list()?;
        if tokens.iter().any(|token| token.name == name) {
            return Err(ControlError::conflict(
                format!("there is a token `{name}`"),
                format!("revoke it first (`pelton token revoke {name}`), or give this one another name"),
            ));
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| ControlError::Io {
            action: "read random bytes from",
            path: "the system".into(),
            source: std::io::Error::other(error.to_string()),
        })?;
        let token = format!("{PREFIX}{}", blake3::Hash::from_bytes(secret).to_hex());
        let hash = blake3::hash(token.as_bytes()).to_hex().to_string();
        tokens.push(TokenInfo { name: name.to_owned(), role, hash, created: clock::now_us() });
        self.data.write_record(FILE, &tokens)?;
        Ok(token)
    }

    pub fn revoke(&self, name: &str) -> Result<(), ControlError> {
        let _lock = self.data.lock(LOCK)?;
        let mut tokens = self.list()?;
        let before = tokens.len();
        tokens.retain(|token| token.name != name);
        if tokens.len() == before {
            return Err(ControlError::missing("token", name));
        }
        self.data.write_record(FILE, &tokens)
    }

    /// Whose token this is.
    pub fn admit(&self, token: Option<&str>, door: Door) -> Result<Admission, ControlError> {
        let tokens = match (self.data.read_record::<Vec<TokenInfo>>(FILE)?, door) {
            (Some(tokens), _) => tokens,
            (None, Door::Local) => return Ok(Admission::As(Caller { name: LOCAL.into(), role: Role::Admin })),
            (None, Door::Exposed) => Vec::new(),
        };
        let Some(token) = token else { return Ok(Admission::TokenMissing) };
        let hash = blake3::hash(token.as_bytes());
        // All are compared, each in constant time.
        let mut found = None;
        for known in &tokens {
            if blake3::Hash::from_hex(&known.hash).is_ok_and(|known| known == hash) {
                found = Some(Caller { name: known.name.clone(), role: known.role });
            }
        }
        Ok(found.map_or(Admission::TokenUnknown, Admission::As))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lets_in_until_it_is_revoked() {
        let root = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(root.path()).unwrap();
        let local = Admission::As(Caller { name: "local".into(), role: Role::Admin });
        assert_eq!(tokens.admit(None, Door::Local).unwrap(), local);
        assert_eq!(tokens.admit(None, Door::Exposed).unwrap(), Admission::TokenMissing);
        let token = tokens.create("ci", Role::Operate).unwrap();
        let other = tokens.create("eyes", Role::Read).unwrap();
        assert!(tokens.create("ci", Role::Read).is_err());
        assert!(tokens.create("../ci", Role::Read).is_err());
        let ci = Admission::As(Caller { name: "ci".into(), role: Role::Operate });
        assert_eq!(tokens.admit(Some(&token), Door::Local).unwrap(), ci);
        assert_eq!(tokens.admit(None, Door::Local).unwrap(), Admission::TokenMissing);
        assert_eq!(tokens.admit(Some(""), Door::Local).unwrap(), Admission::TokenUnknown);
        assert_eq!(tokens.admit(Some(&token[..token.len() - 1]), Door::Local).unwrap(), Admission::TokenUnknown);
        let file = std::fs::read_to_string(root.path().join(FILE)).unwrap();
        assert!(!file.contains(&token) && !file.contains(&other), "only hashes are kept");
        tokens.revoke("ci").unwrap();
        assert_eq!(tokens.admit(Some(&token), Door::Local).unwrap(), Admission::TokenUnknown);
        assert!(tokens.revoke("ci").is_err());
        tokens.revoke("eyes").unwrap();
        assert_eq!(
            tokens.admit(None, Door::Local).unwrap(),
            Admission::TokenMissing,
            "the door does not open by itself"
        );
    }

    #[test]
    fn a_token_is_long_and_random() {
        let root = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(root.path()).unwrap();
        let made: std::collections::BTreeSet<_> =
            (0..20).map(|number| tokens.create(&format!("t{number}"), Role::Read).unwrap()).collect();
        assert_eq!(made.len(), 20);
        assert!(made.iter().all(|token| token.len() == PREFIX.len() + 64));
    }
}
