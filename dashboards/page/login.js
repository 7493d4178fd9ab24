// A link from a mail keeps the place it points to: browsers carry the fragment of a form's address over the redirect.
const form = document.querySelector('form')
if (form) form.action = `login${location.hash}`
if (location.search.includes('wrong')) document.querySelector('#wrong')?.removeAttribute('hidden')
