//! What becomes of a shop's export.

use super::*;

fn columns() -> Columns {
    Columns {
        user: "customer".into(),
        time: "day".into(),
        amount: "paid".into(),
        quantity: Some("pieces".into()),
        date_order: None,
        decimals: 2,
    }
}

fn orders(text: &str) -> Orders {
    let local = Local::new("UTC").expect("UTC exists");
    let latest = OffsetDateTime::from_unix_timestamp(2_000_000_000).expect("a time");
    read("orders.csv", text.as_bytes(), &columns(), &local, latest).expect("a readable file")
}

fn ids(orders: &Orders) -> Vec<String> {
    orders.deeds.iter().map(|deed| deed.event_id.clone()).collect()
}

#[test]
fn each_row_becomes_one_completed_order() {
    let orders = orders("customer,day,pieces,paid\nu1,1997-01-12,5,77.00\n");
    assert_eq!((orders.rows, orders.bad_lines.len()), (1, 0));
    let deed = &orders.deeds[0];
    assert_eq!((deed.user_id.as_str(), deed.line), ("u1", Some(2)));
    let Act::Completed(basket) = &deed.act else { panic!("another act: {deed:?}") };
    assert_eq!(basket.total_minor, 7700);
    assert_eq!(basket.lines.iter().map(|line| (line.quantity, line.paid_minor)).collect::<Vec<_>>(), [(5, 7700)]);
}

#[test]
fn equal_rows_are_distinct_orders_and_keep_their_ids() {
    let text = "customer,day,pieces,paid\nu1,1997-01-12,1,12.00\nu1,1997-01-12,1,12.00\n";
    let once = ids(&orders(text));
    assert_eq!(once.len(), 2);
    assert_ne!(once[0], once[1]);
    assert_eq!(once, ids(&orders(text)));
}

#[test]
fn a_file_that_has_grown_keeps_the_ids_of_its_old_rows() {
    let old = ids(&orders("customer,day,pieces,paid\nu1,1997-01-12,1,12.00\nu1,1997-01-12,1,12.00\n"));
    let new =
        ids(&orders("customer,day,pieces,paid\nu2,1997-01-10,1,3.00\nu1,1997-01-12,1,12.00\nu1,1997-01-12,1,12.00\n"));
    assert!(old.iter().all(|id| new.contains(id)), "{old:?} {new:?}");
    assert_eq!(new.len(), 3);
}

#[test]
fn bad_lines_are_told_with_number_and_reason_and_the_rest_goes_on() {
    let text = "customer,day,pieces,paid\n\
                u1,1997-01-12,1,12.00\n\
                ,1997-01-12,1,12.00\n\
                u1,1997-02-30,1,12.00\n\
                u1,1997-01-12,0,12.00\n\
                u1,1997-01-12,1,twelve\n\
                u1,1997-01-12\n\
                u1,2050-01-12,1,12.00\n\
                u9,1997-01-13,2,1\n";
    let orders = orders(text);
    let bad: Vec<_> = orders.bad_lines.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
    assert_eq!(
        bad,
        [
            (3, "the user is empty"),
            (4, "there is no such date or time of day"),
            (5, "the quantity is not a whole number from 1 to 1,000,000"),
            (6, "the amount is not a number"),
            (7, "the line has no column `paid`"),
            (8, "the time lies before 1970 or in the future"),
        ]
    );
    assert_eq!((orders.rows, orders.deeds.len()), (8, 2));
}

#[test]
fn bytes_that_are_no_text_spoil_their_line_only() {
    let local = Local::new("UTC").expect("UTC exists");
    let latest = OffsetDateTime::from_unix_timestamp(2_000_000_000).expect("a time");
    let text = b"customer,day,pieces,paid\n\xB0\xA1,1997-01-12,1,12.00\nu1,1997-01-12,1,12.00\n";
    let orders = read("orders.csv", text.as_slice(), &columns(), &local, latest).expect("a readable file");
    assert_eq!(orders.bad_lines, [BadLine { line: 2, reason: "the column `customer` is not UTF-8".into() }]);
    assert_eq!(orders.deeds.len(), 1);
}

#[test]
fn separators_quotes_and_a_byte_order_mark_are_understood() {
    let text = "\u{feff}Customer;Day;Pieces;Paid\r\n\"u;1\";12.01.1997 08:30;1;\"1.234,50\"\r\n";
    let orders = orders(text);
    assert!(orders.bad_lines.is_empty(), "{:?}", orders.bad_lines);
    let deed = &orders.deeds[0];
    assert_eq!(deed.user_id, "u;1");
    let Act::Completed(basket) = &deed.act else { panic!("another act: {deed:?}") };
    assert_eq!(basket.total_minor, 123_450);
}

#[test]
fn orders_come_by_time_and_those_of_one_time_in_the_files_order() {
    let text = "customer,day,pieces,paid\nu1,1997-03-01,1,3\nu2,1997-01-01,1,1\nu3,1997-01-01,1,2\n";
    let users: Vec<_> = orders(text).deeds.iter().map(|deed| deed.user_id.clone()).collect();
    assert_eq!(users, ["u2", "u3", "u1"]);
}

#[test]
fn a_missing_column_is_named_with_those_that_are_there() {
    let local = Local::new("UTC").expect("UTC exists");
    let error = read("f.csv", "a,b\n1,2\n".as_bytes(), &columns(), &local, OffsetDateTime::UNIX_EPOCH).unwrap_err();
    assert_eq!(error.to_string(), "the file has no column `customer`; its columns are `a`, `b`");
}
