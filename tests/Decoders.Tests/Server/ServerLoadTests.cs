using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Decoders.Tests;

/// <summary>
/// The real program under load from another process: this one. Good requests and bad ones at the same time, and clients that go.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class ServerLoadTests(Devices devices)
{
    private const string Completions = "/v1/completions";
    private const int Senders = 12;
    private const int Rounds = 4;
    private const int Pages = 40;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Bad requests by name, with the status that each gets.</summary>
    private static readonly (string Name, byte[] Body, int Status)[] Bad =
    [
        ("malformed", "{\"prompt\":\"x\","u8.ToArray(), 400),
        ("not an object", "[1,2"u8.ToArray(), 400),
        ("nested too deeply", Encoding.UTF8.GetBytes(new string('[', 100_000)), 400),
        ("oversized", Encoding.UTF8.GetBytes($$"""{"prompt":"{{new string('x', 2 << 20)}}"}"""), 413),
        ("negative count", """{"prompt":"x","max_tokens":-5}"""u8.ToArray(), 400),
        ("no tokens", """{"prompt":"x","max_tokens":0}"""u8.ToArray(), 400),
        ("huge count", """{"prompt":"x","max_tokens":2147483647}"""u8.ToArray(), 400),
        ("count past 64 bits", """{"prompt":"x","max_tokens":99999999999999999999}"""u8.ToArray(), 400),
        ("no UTF-8", [.. "{\"prompt\":\""u8, 0xC3, 0x28, 0xFF, .. "\"}"u8], 400),
        ("half a surrogate pair", """{"prompt":"\udfff"}"""u8.ToArray(), 400),
        ("longer than the context", Encoding.UTF8.GetBytes($$"""{"prompt":[{{string.Join(',', Enumerable.Repeat(7, 400))}}]}"""), 400),
        ("token out of range", """{"prompt":[999999]}"""u8.ToArray(), 400),
    ];

    [SkippableFact]
    public async Task AnswersBadRequestsServesGoodOnesAndLosesNoPage()
    {
        devices.OpenFirst();
        using ServerProcess server = await ServerProcess.StartAsync(
            TestData.Folder("stories-gqa"), "--context", "256", "--sequences", "4", "--pages", $"{Pages}", "--queue", "64", "--max-tokens",
            "200", "--step-tokens", "64");
        using var client = new HttpClient { BaseAddress = server.Address, Timeout = Limit };
        JsonNode before = await HealthAsync(client);
        Assert.Equal((Pages, Pages), ((int)before["pages_free"]!, (int)before["pages_total"]!));
        string expected = await StoryAsync(client);

        var answers = new ConcurrentDictionary<string, int>();
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(() => SendAsync(client, sender, expected, answers))))
            .WaitAsync(Limit);
        Assert.True(watch.Elapsed < Limit);

        // Everything was sent: bad requests, stories at once and as a stream, and clients that went.
        Assert.All(Bad, bad => Assert.Equal(Senders * Rounds, answers[bad.Name]));
        Assert.Equal((Senders * Rounds, Senders * Rounds, Senders * Rounds), (answers["story"], answers["stream"], answers["gone"]));
        Assert.False(server.HasExited, server.Errors);
        Assert.DoesNotContain("nhandled", server.Errors, StringComparison.Ordinal);

        // Those who went are noticed at the next step; then every page is back.
        JsonNode after = await HealthAsync(client);
        while ((int)after["running"]! > 0 || (int)after["queue_length"]! > 0 || (int)after["pages_free"]! < Pages)
        {
            Assert.True(watch.Elapsed < Limit, after.ToJsonString());
            await Task.Delay(20);
            after = await HealthAsync(client);
        }

        Assert.Equal(("ok", Pages, Pages), ((string?)after["status"], (int)after["pages_free"]!, (int)after["pages_total"]!));
        Assert.Equal(expected, await StoryAsync(client));
    }

    private static async Task SendAsync(HttpClient client, int sender, string expected, ConcurrentDictionary<string, int> answers)
    {
        var random = new Random(sender);
        for (int round = 0; round < Rounds; round++)
        {
            // In another order each time, so that all kinds meet.
            int[] order = [.. Enumerable.Range(0, Bad.Length + 3)];
            random.Shuffle(order);
            foreach (int kind in order)
            {
                string name;
                if (kind < Bad.Length)
                {
                    name = Bad[kind].Name;
                    await AssertRefusedAsync(client, Bad[kind].Body, Bad[kind].Status);
                }
                else if (kind == Bad.Length)
                {
                    name = "story";
                    Assert.Equal(expected, await StoryAsync(client));
                }
                else if (kind == Bad.Length + 1)
                {
                    name = "stream";
                    using HttpResponseMessage response = await PostAsync(client, Story(stream: true));
                    string text = await response.Content.ReadAsStringAsync();
                    Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
                    Assert.Equal(
                        expected, string.Concat(
                            text.Split("\n\n")[..^2].Select(e => (string?)JsonNode.Parse(e["data: ".Length..])!["choices"]![0]!["text"])));
                }
                else
                {
                    name = "gone";
                    await GoAsync(client.BaseAddress!, random);
                }

                answers.AddOrUpdate(name, 1, (_, count) => count + 1);
            }
        }
    }

    /// <summary>Asks for a long stream, reads its beginning and closes the connection.</summary>
    private static async Task GoAsync(Uri address, Random random)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(address.Host, address.Port);
        string body = $$"""{"prompt":[{{random.Next(256)}},2,3],"max_tokens":200,"temperature":2,"stream":true}""";
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {Completions} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: application/json\r\nContent-Length: "
                + $"{body.Length}\r\n\r\n{body}"));
        var buffer = new byte[200];
        int count = await socket.GetStream().ReadAsync(buffer);
        Assert.StartsWith("HTTP/1.1 200", Encoding.ASCII.GetString(buffer, 0, count), StringComparison.Ordinal);
    }

    private static async Task AssertRefusedAsync(HttpClient client, byte[] body, int status)
    {
        using HttpResponseMessage response = await PostAsync(client, body);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"{(int)response.StatusCode}, not {status}: {text}");
        JsonNode error = JsonNode.Parse(text)!["error"]!;
        Assert.Equal("invalid_request_error", (string?)error["type"]);
        Assert.NotEmpty((string)error["message"]!);
    }

    private static async Task<string> StoryAsync(HttpClient client)
    {
        using HttpResponseMessage response = await PostAsync(client, Story(stream: false));
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return (string)JsonNode.Parse(text)!["choices"]![0]!["text"]!;
    }

    private static byte[] Story(bool stream) =>
        Encoding.UTF8
        .GetBytes($$"""{"prompt":"One morning Mia","max_tokens":12,"temperature":0,"stream":{{(stream ? "true" : "false")}}}""");

    private static async Task<HttpResponseMessage> PostAsync(HttpClient client, byte[] body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Completions) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");

        // A body that the server will not take is then not sent.
        request.Headers.ExpectContinue = body.Length > 1 << 20;
        return await client.SendAsync(request);
    }

    private static async Task<JsonNode> HealthAsync(HttpClient client) => JsonNode.Parse(await client.GetStringAsync("/health"))!;
}
