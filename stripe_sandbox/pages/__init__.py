"""The sandbox's pages: checkout, the bank's confirmation, vouchers, portal, invoices, the list of payments.

Server-rendered, with one style sheet and no script. A page takes the account (its lock held) and the posted form, and
returns a Page: HTML, or an address to go to.
"""
