//! A floor to hold the reader against: the `csv` crate's records over files, on one thread, nothing looked at
//! but their number. `cargo bench --bench csv_loop -- FILE…`

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut record = csv::ByteRecord::new();
    let (mut records, mut fields) = (0u64, 0usize);
    // cargo says --bench to whatever it runs as one.
    for path in std::env::args().skip(1).filter(|arg| arg != "--bench") {
        let mut reader = csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 20).from_path(path)?;
        while reader.read_byte_record(&mut record)? {
            records += 1;
            fields += record.len();
        }
    }
    writeln!(std::io::stdout(), "{records} records, {fields} fields")?;
    Ok(())
}
