//! The options of a command over the environment: where both name a setting, the option holds.

use std::collections::BTreeMap;

use aria_io::runtime::config::{NotUtf8, Strings};

/// Settings from a command's options and from the environment.
pub struct Options<S> {
    environment: S,
    given: BTreeMap<&'static str, (&'static str, String)>,
    left_out: Vec<&'static str>,
}

impl<S: Strings> Options<S> {
    /// No option over this environment.
    pub fn over(environment: S) -> Self {
        Self { environment, given: BTreeMap::new(), left_out: Vec::new() }
    }

    /// With an option, where it was given: the setting that it is for, its name, its value.
    pub fn with(mut self, key: &'static str, name: &'static str, value: Option<&String>) -> Self {
        if let Some(value) = value {
            self.given.insert(key, (name, value.clone()));
        }
        self
    }

    /// Without settings that the command does not take, whatever the environment says.
    pub fn without(mut self, keys: &[&'static str]) -> Self {
        self.left_out.extend(keys);
        self
    }
}

impl<S: Strings> Strings for Options<S> {
    fn get(&self, key: &str) -> Option<Result<String, NotUtf8>> {
        if self.left_out.contains(&key) {
            return None;
        }
        match self.given.get(key) {
            Some((_, value)) => Some(Ok(value.clone())),
            None => self.environment.get(key),
        }
    }

    fn keys(&self) -> Vec<String> {
        self.environment.keys()
    }

    fn called(&self, key: &str) -> String {
        self.given.get(key).map_or_else(|| self.environment.called(key), |(name, _)| (*name).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options<BTreeMap<String, String>> {
        let environment = [("A", "from the environment"), ("B", "from the environment"), ("C", "not taken")];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Options::over(environment).with("A", "--a", Some(&"given".to_owned())).with("B", "--b", None).without(&["C"])
    }

    #[test]
    fn an_option_holds_over_the_environment_and_is_called_by_its_own_name() {
        assert_eq!((options().get("A"), options().called("A").as_str()), (Some(Ok("given".to_owned())), "--a"));
        assert_eq!(options().get("B"), Some(Ok("from the environment".to_owned())));
        assert_eq!(options().called("B"), "B");
    }

    #[test]
    fn a_setting_that_a_command_does_not_take_is_not_read() {
        assert_eq!(options().get("C"), None);
    }
}
