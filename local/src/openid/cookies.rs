//! A cookie jar for one origin.

/// Cookies by name and path, the way a browser keeps them (dates are left to the provider).
#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

struct Cookie {
    name: String,
    value: String,
    path: String,
}

impl Jar {
    pub(super) fn keep<'a>(&mut self, headers: impl Iterator<Item = &'a str>) {
        for header in headers {
            let mut parts = header.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let path = parts
                .filter_map(|attribute| attribute.split_once('='))
                .find(|(key, _)| key.eq_ignore_ascii_case("path"))
                .map_or("/", |(_, path)| path);
            self.0.retain(|cookie| cookie.name != name || cookie.path != path);
            // An empty value is how a server takes a cookie back.
            if !value.is_empty() {
                let (name, value, path) = (name.into(), value.into(), path.into());
                self.0.push(Cookie { name, value, path });
            }
        }
    }

    /// What is sent along to a path.
    pub(super) fn header(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap_or(path);
        let sent = self.0.iter().filter(|cookie| {
            let rest = path.strip_prefix(cookie.path.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        sent.map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect::<Vec<_>>()
            .join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_to_their_path_only_and_can_be_taken_back() {
        let mut jar = Jar::default();
        jar.keep(["a=1; path=/; httponly", "b=2; Path=/x/y", "c=3"].into_iter());
        assert_eq!(jar.header("/x/y?q=/"), "a=1; b=2; c=3");
        assert_eq!(jar.header("/x/yz"), "a=1; c=3");
        jar.keep(["a=; path=/", "c=4"].into_iter());
        assert_eq!(jar.header("/"), "c=4");
    }
}
