"""The pages that a person sees: checkout, the bank's question, vouchers, portal, invoices, the list of payments.

Server-rendered, one style sheet, no script. A page takes the account (its lock held) and what was posted, and gives
back a Page: HTML, or an address to go to.
"""
