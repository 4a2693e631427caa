"""The console for operators and the portal for owners: pages for people, over the same store.

Read `desk` first: what every request passes before it reaches a page. A page is a function from a
`Visit` to a response; its template is named like it. Everything works without JavaScript.
"""
