//! Where in which bucket a checkpoint is: `s3://BUCKET/PREFIX`.
//!
//! Read by the job file, which refuses what is wrong with it, and wherever a checkpoint is opened. Keys and endpoints are not in it: they come from
//! the environment, so that no job file holds a secret.

use object_store::path::Path;

/// A bucket, and a prefix in it that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectsUrl {
    pub bucket: String,
    /// Without slashes at its ends.
    prefix: String,
}

impl ObjectsUrl {
    /// Or what is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("it is no URL")?;
        if !matches!(scheme, "s3" | "s3a") {
            return Err(format!("`{scheme}` is no store that checkpoints are kept in; `s3://BUCKET/PREFIX` is"));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        if bucket.contains(['@', ':']) {
            return Err("keys and endpoints are not in the URL; they are AWS_ACCESS_KEY_ID and AWS_ENDPOINT".into());
        }
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_plain) {
            return Err("the name of a bucket has 3 to 63 lower-case letters, digits, dots and hyphens".into());
        }
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            return Err("name a prefix in the bucket as well, one for each job: `s3://BUCKET/PREFIX`".into());
        }
        let is_odd = prefix.contains(['?', '#', '%', '\\']) || prefix.split('/').any(|part| part == "..");
        if is_odd || Path::parse(prefix).is_err() {
            return Err("the prefix has characters or parts that keys cannot have".into());
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// The key of a path within the checkpoint.
    pub fn key(&self, path: &str) -> String {
        if path.is_empty() { self.prefix.clone() } else { format!("{}/{path}", self.prefix) }
    }

    /// As people know it.
    pub fn shown(&self, path: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_prefix_are_read() {
        let url = ObjectsUrl::parse("s3://turbines/jobs/hot-items/").unwrap();
        assert_eq!((url.bucket.as_str(), url.key("lock").as_str()), ("turbines", "jobs/hot-items/lock"));
        assert_eq!(url.shown("journal/first"), "s3://turbines/jobs/hot-items/journal/first");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_way_out() {
        for (url, said) in [
            ("gs://bucket/prefix", "`gs` is no store"),
            ("s3://bucket", "name a prefix"),
            ("s3://bucket/", "name a prefix"),
            ("s3://Bucket/p", "lower-case"),
            ("s3://b/p", "3 to 63"),
            ("s3://key:secret@bucket/p", "AWS_ACCESS_KEY_ID"),
            ("s3://127.0.0.1:9000/bucket/p", "AWS_ENDPOINT"),
            ("s3://bucket/a//b", "characters or parts"),
            ("s3://bucket/a/../b", "characters or parts"),
            ("s3://bucket/a?x=1", "characters or parts"),
        ] {
            let why = ObjectsUrl::parse(url).unwrap_err();
            assert!(why.contains(said), "{url}: {why}");
        }
    }
}
