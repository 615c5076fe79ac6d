//! Inputs that are made to be expensive: each is small for what it asks, or as large as it may be.

use anyhow::{Result, ensure};
use aria_core::artifact::Format;
use aria_core::contract::{Broken, Checked, QUARANTINE_ROWS, check};
use aria_core::numbers;
use aria_core::series::Definition;

use crate::engine::{measured, turn};

const MIB: usize = 1 << 20;
const HEADER: &str = "when,ci\n";
const ROW: &str = "2021-01-01T00:00:00Z,300\n";

fn definition() -> Result<Definition> {
    let mut definition = Definition::from_toml(
        "id = \"it.ci_direct\"\nunit = \"g\"\ncadence = \"1h\"\ntime_zone = \"Europe/Rome\"\n\
         source = { time_column = \"when\", value_column = \"ci\" }\n",
    )?;
    definition.contract.bad_share = 1.0;
    Ok(definition)
}

/// Checks a batch, which may take so much memory.
fn within(memory: usize, format: Format, bytes: &[u8]) -> Result<Result<Checked, Broken>> {
    let definition = definition()?;
    let received = "2024-01-01".parse()?;
    let (judged, taken) = measured(|| check(&definition, format, bytes, None, received));
    ensure!(taken <= memory, "{} bytes took {taken} bytes of memory, where {memory} are allowed", bytes.len());
    Ok(judged)
}

#[test]
fn a_row_of_64_mib_without_an_end_is_refused_alone_in_little_memory() -> Result<()> {
    let _turn = turn();
    let text = format!("{HEADER}{ROW}{}\n2021-01-01T01:00:00Z,301\n", "9".repeat(64 * MIB));
    let checked = within(8 * MIB, Format::Csv, text.as_bytes())??;
    assert_eq!((checked.table.rows(), checked.rows_refused), (2, 1));
    assert_eq!(checked.quarantined[0].reason, "is longer than 1048576 bytes");
    Ok(())
}

#[test]
fn a_row_of_64_million_fields_is_refused_alone_in_little_memory() -> Result<()> {
    let _turn = turn();
    let text = format!("{HEADER}{ROW}{}\n2021-01-01T01:00:00Z,301\n", ",".repeat(64 * MIB));
    let checked = within(32 * MIB, Format::Csv, text.as_bytes())??;
    assert_eq!((checked.table.rows(), checked.rows_refused), (2, 1));
    Ok(())
}

#[test]
fn a_header_of_64_million_columns_breaks_the_batch_in_little_memory() -> Result<()> {
    let _turn = turn();
    let text = format!("when,ci{}\n{ROW}", ",".repeat(64 * MIB));
    let reason = within(32 * MIB, Format::Csv, text.as_bytes())?.unwrap_err().to_string();
    ensure!(reason.contains("a row has more than 1048576 bytes"), "{reason}");
    Ok(())
}

#[test]
fn an_open_quotation_mark_before_64_mib_costs_its_own_row_alone() -> Result<()> {
    let _turn = turn();
    let rows: String = ROW.repeat(64 * MIB / ROW.len() / 64);
    let text = format!("{HEADER}2021-01-01T00:00:00Z,\"300\n{rows}");
    let checked = within(64 * MIB, Format::Csv, text.as_bytes())??;
    assert_eq!(checked.quarantined[0].reason, "opens a quotation mark that nothing closes");
    assert_eq!(checked.table.rows(), 1);
    Ok(())
}

#[test]
fn blank_lines_are_no_part_of_a_row_however_many_there_are() -> Result<()> {
    let _turn = turn();
    let text = format!("{HEADER}{}{ROW}", "\n\r\n".repeat(MIB));
    let checked = within(4 * MIB, Format::Csv, text.as_bytes())??;
    assert_eq!((checked.table.rows(), checked.rows_refused), (1, 0));
    Ok(())
}

#[test]
fn a_million_bad_rows_are_counted_and_ten_thousand_listed() -> Result<()> {
    let _turn = turn();
    let text = format!("{HEADER}{}{ROW}", "noon,x\n".repeat(1_000_000));
    let checked = within(16 * MIB, Format::Csv, text.as_bytes())??;
    assert_eq!((checked.quarantined.len(), checked.quarantined_total), (QUARANTINE_ROWS, 1_000_000));
    let text = format!("{}\n", "{\"when\":\"noon\"}\n".repeat(1_000_000));
    let broken = within(32 * MIB, Format::Ndjson, text.as_bytes())?.unwrap_err();
    assert_eq!(broken.quarantined.len(), QUARANTINE_ROWS);
    Ok(())
}

#[test]
fn lists_in_lists_without_end_are_refused_where_they_stand() -> Result<()> {
    let _turn = turn();
    for opened in ["[", "{\"a\":"] {
        let text = format!("{{\"ci\":{}\n", opened.repeat(16 * MIB / opened.len()));
        let broken = within(64 * MIB, Format::Ndjson, text.as_bytes())?.unwrap_err();
        assert_eq!(broken.quarantined_total, 1);
    }
    Ok(())
}

#[test]
fn a_hundred_thousand_columns_are_told_apart_without_comparing_each_with_each() -> Result<()> {
    let _turn = turn();
    let names: Vec<String> = (0..100_000).map(|place| format!("c{place}")).collect();
    let text = format!("{}\n{}\n", names.join(","), vec!["1"; names.len()].join(","));
    let began = std::time::Instant::now();
    let read = numbers::read(numbers::Format::Csv, text.as_bytes())?;
    assert_eq!(read.columns.len(), 100_000);
    // Ten thousand million comparisons took minutes.
    ensure!(began.elapsed().as_secs() < 20, "it took {:?}", began.elapsed());
    Ok(())
}

/// A Parquet file of this footer alone.
fn parquet(footer: &[u8]) -> Vec<u8> {
    [b"PAR1", footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// The length of a list of structures, as Thrift's compact protocol writes it.
fn structures(length: usize) -> Vec<u8> {
    let mut bytes = vec![0xFC];
    let mut rest = length;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

#[test]
fn a_footer_that_lists_millions_of_empty_columns_is_refused_before_room_is_made_for_them() -> Result<()> {
    let _turn = turn();
    let length = 4_000_000;
    // Version, a schema of one element `r` without children, no rows; then a list of that many empty structures: as the
    // columns of a row group, as row groups, and as remarks.
    let before: &[u8] = &[0x15, 2, 0x19, 0x1C, 0x48, 1, b'r', 0x15, 0, 0, 0x16, 0];
    for list in [&[0x19, 0x1C, 0x19][..], &[0x19], &[0x29]] {
        let footer = [before, list, &structures(length), &vec![0; length], &[0, 0]].concat();
        let broken = within(2 * MIB, Format::Parquet, &parquet(&footer))?.unwrap_err();
        ensure!(broken.to_string().contains("lists more than 200000"), "{broken}");
    }
    Ok(())
}
