"""The desk of the call centre: a page on which staff look up, draft, quote and place orders.

drafts.py     drafts and quotes, encrypted in a file of this machine
forms.py      a draft's form, and what it comes to by the rules of the `call-centre` channel; pure
products.py   products by SKU and name, with their stock by location
customers.py  customers by e-mail address, phone or id
links.py      payment links; the sandbox's page to pay on
server.py     the page and what it asks
page/         the page itself; nothing of it comes from elsewhere

A placed order goes out through channels.raw as a form of the `call-centre` channel, like every
other order. `millrace api` serves the desk beside the API.
"""
