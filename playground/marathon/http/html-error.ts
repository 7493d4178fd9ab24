import type { ServerResponse } from 'node:http'

/** Jetty's page: whoever expects JSON here meets HTML. */
export function sendHtmlError(response: ServerResponse, status: number, reason: string): void {
  const page = `<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<title>Error ${status} ${reason}</title>
</head>
<body><h2>HTTP ERROR ${status}</h2>
<p>Problem accessing the page. Reason:
<pre>    ${reason}</pre></p>
</body>
</html>
`
  response.writeHead(status, {
    'content-type': 'text/html;charset=utf-8',
    'cache-control': 'must-revalidate,no-cache,no-store',
    'content-length': Buffer.byteLength(page),
  })
  response.end(page)
}
