//! What people write on a command line or into settings: times, shifts of a simulation, places of stores and brokers.

use anyhow::{Context, Result, ensure};
use aria_core::simulate::Shift;
use aria_core::time::{DAY, Timestamp};
use aria_io::artifacts::check_location;
use aria_io::bus::{AddressError, are_credentials, check_address};

use crate::engine::{Outcome, Target, run};

const TIMES: &[&[u8]] = &[
    b"2021-01-01",
    b"T",
    b"Z",
    b"z",
    b"t",
    b":",
    b"-",
    b"+",
    b"+00:00",
    b"-00:00",
    b"+23:59",
    b"+24:00",
    b".5",
    b".999999999",
    b"60",
    b"1899",
    b"2199",
    b"2200",
    b"9999",
    b"-2021",
    b"+002021",
    b"[Europe/Rome]",
    b"[u-ca=hebrew]",
    b"W01-1",
    b" ",
    b"\0",
    b"level:",
    b"gap:",
    b"stuck:",
    b"unit:",
    b"..",
    b":x1.2",
    b"x",
    b"inf",
    b"nan",
    b"1e6",
    b"1e-400",
];

const PLACES: &[&[u8]] = &[
    b"s3://",
    b"file://",
    b"memory://",
    b"nats://",
    b"tls://",
    b"ws://",
    b"://",
    b":",
    b"@",
    b"/",
    b"..",
    b"%2e",
    b"[::1]",
    b"4222",
    b"99999",
    b",",
    b" ",
    b"\0",
    b"\n",
    b"user:hunter2@",
    b"#",
    b"?",
    b"\xC3\xA0",
    b"xn--",
    b"-----BEGIN NATS USER JWT-----\n",
    b"------END NATS USER JWT------\n",
    b"-----BEGIN USER NKEY SEED-----\n",
    b"------END USER NKEY SEED------\n",
    b"SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
];

/// Such texts are short, and so is what is made of them; an S3 client with its connections is not.
fn memory(bytes: usize) -> usize {
    (8 << 20) + 100 * bytes
}

#[test]
fn a_time_is_read_as_the_moment_that_it_names_or_not_at_all() -> Result<()> {
    let target = Target { name: "time", samples: &[], words: TIMES, mutations: 30_000, memory };
    run(&target, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Outcome::Refused) };
        let by_hand = seconds_of(text);
        let Ok(time) = text.parse::<Timestamp>() else {
            let supported = by_hand.and_then(Timestamp::from_seconds);
            ensure!(supported.is_none(), "`{text}` is a time and refused");
            return Ok(Outcome::Refused);
        };
        let written = time.to_string();
        ensure!(written.parse() == Ok(time) && written.len() == 20, "`{text}` is written as `{written}`");
        ensure!(seconds_of(&written) == Some(time.seconds()), "`{written}` is not {} seconds", time.seconds());
        ensure!(by_hand.is_none_or(|seconds| seconds == time.seconds()), "`{text}` is read as {time}");
        Ok(Outcome::Taken)
    })
}

/// The seconds since 1970 of a text of exactly the form 2023-03-26T01:00:00Z, computed from the calendar's rules.
fn seconds_of(text: &str) -> Option<i64> {
    let shape = |(place, byte): (usize, u8)| match place {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        19 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    if text.len() != 20 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = months.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=*length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = |year: i64| 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let days = before(year) - before(1970) + months.iter().take(month as usize - 1).sum::<i64>() + day - 1;
    Some(days * DAY + hour * 3_600 + minute * 60 + second)
}

#[test]
fn a_shift_is_read_as_it_is_written_or_not_at_all() -> Result<()> {
    let target = Target { name: "shift", samples: &[], words: TIMES, mutations: 20_000, memory };
    run(&target, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Outcome::Refused) };
        match text.parse::<Shift>() {
            Ok(shift) => {
                let read: Shift = shift.to_string().parse().context("what is written cannot be read")?;
                ensure!(read == shift, "`{text}` is written as `{shift}`");
                ensure!(
                    shift.to.is_none_or(|to| shift.from < to) && shift.covers(shift.from),
                    "`{text}` covers nothing"
                );
                Ok(Outcome::Taken)
            }
            Err(error) => {
                ensure!(error.to_string().contains(text), "`{text}` is not named: {error}");
                Ok(Outcome::Refused)
            }
        }
    })
}

#[test]
fn a_place_is_one_or_is_refused_without_telling_its_password() -> Result<()> {
    let target = Target { name: "place", samples: &[], words: PLACES, mutations: 8_000, memory };
    run(&target, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Outcome::Refused) };
        let mut outcome = if are_credentials(text) { Outcome::Taken } else { Outcome::Refused };
        match check_location(text, []) {
            Ok(()) => outcome = Outcome::Taken,
            Err(error) => {
                let secret = text.starts_with("s3://") && error.to_string().contains("hunter2");
                ensure!(!secret, "`{text}` is refused with its password: {error}");
            }
        }
        match check_address(text) {
            Ok(()) => outcome = Outcome::Taken,
            // What stands before an `@` is a name, a password or a token.
            Err(AddressError::Malformed { address }) => {
                ensure!(!address.contains('@'), "`{text}` is refused with its password: `{address}`");
            }
            Err(AddressError::Empty) => {}
        }
        Ok(outcome)
    })
}
