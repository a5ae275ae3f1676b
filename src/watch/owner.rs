//! Whose a file is that is copied into a container: numbers, read from the image's own files.
//! The engine would look names up on its own machine, where they mean nothing.

/// User and group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// A user or group that the image does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image has no {kind} `{name}`")]
pub(super) struct NoSuchName {
    kind: &'static str,
    name: String,
}

/// Resolves `USER[:GROUP]`, names or numbers, by the text of `/etc/passwd` and `/etc/group`.
pub(super) fn owner(user: &str, passwd: &str, group: &str) -> Result<Owner, NoSuchName> {
    let (user, wanted_group) = match user.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (user, None),
    };
    let by_name = lines(passwd).find(|fields| fields.first() == Some(&user));
    let by_number = lines(passwd).find(|fields| fields.get(2) == Some(&user));
    let number = |fields: &[&str], place: usize| fields.get(place).and_then(|it| it.parse().ok());
    let (uid, own_group) = match (user, by_name.or(by_number)) {
        ("", _) => (0, 0),
        (_, Some(fields)) => {
            (number(&fields, 2).unwrap_or_default(), number(&fields, 3).unwrap_or_default())
        }
        // A number needs no entry.
        (user, None) => {
            (user.parse().map_err(|_| NoSuchName { kind: "user", name: user.to_owned() })?, 0)
        }
    };
    let gid = match wanted_group {
        None => own_group,
        Some(name) => lines(group)
            .find(|fields| fields.first() == Some(&name))
            .and_then(|fields| number(&fields, 2))
            .or_else(|| name.parse().ok())
            .ok_or_else(|| NoSuchName { kind: "group", name: name.to_owned() })?,
    };
    Ok(Owner { uid, gid })
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split(':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_those_of_the_image() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1001::/home/node:/bin/sh\n";
        let group = "root:x:0:\nnode:x:1001:\nstaff:x:50:node\n";
        let owned = |uid, gid| Ok(Owner { uid, gid });
        let missing = |kind, name: &str| Err(NoSuchName { kind, name: name.to_owned() });
        let cases = [
            ("", owned(0, 0)),
            ("root", owned(0, 0)),
            ("node", owned(1000, 1001)),
            ("1000", owned(1000, 1001)),
            ("node:staff", owned(1000, 50)),
            ("node:0", owned(1000, 0)),
            ("1234", owned(1234, 0)),
            ("1234:5678", owned(1234, 5678)),
            ("node:", owned(1000, 1001)),
            ("nobody", missing("user", "nobody")),
            ("node:nobody", missing("group", "nobody")),
        ];
        for (user, expected) in cases {
            assert_eq!(owner(user, passwd, group), expected, "{user}");
        }
        // An image from scratch has neither file.
        assert_eq!(owner("65532:65532", "", ""), owned(65532, 65532));
    }
}
