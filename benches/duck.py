"""The sums of a generated book (format trueup-usage) in DuckDB, for compare.py: every file read, copies dropped,
figures parsed to DECIMAL, names normalised and joined by distinct value, summed by client, product and month.
Prints one line of JSON; the sums go to a CSV file."""

import json
import sys
import time

# Rows that cannot be read fall out: of another width by ignore_errors, others where a cast gives NULL. What is
# summed needs no more than DECIMAL(18, 4), DuckDB's faster width. Names come last, on sums by raw name: a name that
# is normalised before would be looked up once a row.
SUMS = """
CREATE TEMP TABLE sums AS
SELECT name, sku_id, date_trunc('month', day) AS month,
       sum(quantity) AS quantity, sum(cost) AS cost, count(*) AS row_count
FROM (
    SELECT line_id, any_value(name) AS name, any_value(sku_id) AS sku_id, any_value(day) AS day,
           any_value(quantity) AS quantity, any_value(cost) AS cost
    FROM (
        SELECT line_id, sub_account_name AS name, sku_id,
               TRY_CAST(charge_period_start AS DATE) AS day,
               TRY_CAST(replace(quantity, ',', '') AS DECIMAL(18, 4)) AS quantity,
               TRY_CAST(cost AS DECIMAL(18, 4)) AS cost
        FROM read_csv('{book}/usage/2026-10/*.csv', header = true, all_varchar = true, delim = ',', quote = '"',
                      escape = '"', ignore_errors = true)
    )
    WHERE day IS NOT NULL AND quantity IS NOT NULL AND cost IS NOT NULL
    GROUP BY line_id
)
GROUP BY ALL
"""

FULL_WIDTH = "".join(chr(c + 0xFEE0) for c in range(33, 127))
ASCII = "".join(chr(c) for c in range(33, 127)).replace("'", "''")

KEY = f"""
CREATE TEMP MACRO company_key(name) AS
    regexp_replace(
        trim(regexp_replace(replace(replace(lower(translate(name, '{FULL_WIDTH}', '{ASCII}')), '.', ''), '&', ' and '),
                            '[^a-z0-9]+', ' ', 'g')),
        '( (llc|inc|ltd|limited|gmbh))+$', '')
"""

NAMES = """
CREATE TEMP TABLE names AS
WITH raw AS (SELECT DISTINCT name FROM sums),
     clients AS (SELECT client_id, company_key(name) AS key FROM read_csv('{book}/psa/clients.csv', all_varchar = true)),
     mapped AS (SELECT sub_account_name AS name, client_id, status
                FROM read_csv('{book}/map/accounts.csv', all_varchar = true, header = true))
SELECT raw.name, coalesce(mapped.client_id, clients.client_id) AS client_id, mapped.status = 'internal' AS internal
FROM raw
LEFT JOIN mapped ON mapped.name = raw.name
LEFT JOIN clients ON mapped.name IS NULL AND clients.key = company_key(raw.name)
"""

PRODUCTS = """
CREATE TEMP TABLE skus AS
WITH raw AS (SELECT DISTINCT sku_id FROM sums),
     described AS (SELECT sku_id, any_value(lower(replace(charge_description, chr(10), ' '))) AS name
                   FROM (SELECT * FROM read_csv('{first}', header = true, all_varchar = true, delim = ',', quote = '"',
                                                escape = '"', ignore_errors = true) LIMIT 100000) GROUP BY sku_id),
     products AS (SELECT product_code, lower(name) AS name FROM read_csv('{book}/psa/products.csv', all_varchar = true)),
     mapped AS (SELECT sku_id, product_code FROM read_csv('{book}/map/products.csv', all_varchar = true, header = true))
SELECT raw.sku_id, coalesce(mapped.product_code, by_id.product_code, by_name.product_code) AS product_code
FROM raw
LEFT JOIN mapped ON mapped.sku_id = raw.sku_id
LEFT JOIN described ON described.sku_id = raw.sku_id
LEFT JOIN products by_id ON by_id.product_code = lower(raw.sku_id)
LEFT JOIN products by_name ON by_name.name = described.name
"""

RESULT = """
COPY (
    SELECT client_id, product_code, strftime(month, '%Y-%m') AS month, coalesce(internal, false) AS internal,
           sum(quantity) AS quantity, sum(cost) AS cost, sum(row_count)::BIGINT AS row_count
    FROM sums JOIN names USING (name) JOIN skus USING (sku_id)
    GROUP BY ALL ORDER BY ALL
) TO '{out}' (HEADER)
"""


def main():
    book, out, threads, packages = sys.argv[1:5]
    if packages:
        sys.path.insert(0, packages)
    import duckdb

    start = time.monotonic()
    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute("SET preserve_insertion_order = false")
    first = f"{book}/usage/2026-10/trueup-usage-00001.csv"
    for text in (SUMS, KEY, NAMES, PRODUCTS, RESULT):
        text = text if text is KEY else text.format(book=book, out=out, first=first)
        connection.execute(text)
    print(json.dumps({"wall": time.monotonic() - start, "version": duckdb.__version__}))


if __name__ == "__main__":
    main()
