using System.Collections.Immutable;
using System.Text;
using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class StopFilterTests
{
    [Theory]
    [InlineData(new[] { "END" }, new[] { "one E", "N", "D two" }, new[] { "one ", "", "" }, true)]
    [InlineData(new[] { "END" }, new[] { "one E", "N", "E" }, new[] { "one ", "", "EN" }, false)]
    [InlineData(new[] { "aab" }, new[] { "a", "a", "a", "b" }, new[] { "", "", "a", "" }, true)]
    [InlineData(new[] { "abcd", "bc" }, new[] { "abcd" }, new[] { "a" }, true)]
    [InlineData(new[] { "xbc", "bc" }, new[] { "axbc" }, new[] { "a" }, true)]
    [InlineData(new string[0], new[] { "a", "" }, new[] { "a", "" }, false)]
    public void HoldsBackWhatMayBecomeAStopString(string[] stops, string[] pieces, string[] expected, bool stopped)
    {
        var filter = new StopFilter([.. stops]);

        Assert.Equal(expected, pieces.Select(filter.Push));
        Assert.Equal(stopped, filter.Stopped);
    }

    [Fact]
    public void GivesTheSameTextHoweverItIsCut()
    {
        var random = new Random(5);
        for (int round = 0; round < 3000; round++)
        {
            string text = Word(random.Next(12));
            ImmutableArray<string> stops = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Word(random.Next(1, 5)))];
            var filter = new StopFilter(stops);
            var output = new StringBuilder();
            for (int start = 0; start < text.Length;)
            {
                int length = random.Next(1, text.Length - start + 1);
                output.Append(filter.Push(text.Substring(start, length)));
                start += length;
            }

            output.Append(filter.Flush());
            Assert.Equal(Definition(text, stops), output.ToString());
        }

        string Word(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)random.Next('a', 'c')));
    }

    // Character by character: the text before the first stop string that becomes complete, of several the longest.
    private static string Definition(string text, ImmutableArray<string> stops)
    {
        for (int end = 1; end <= text.Length; end++)
        {
            string[] found = [.. stops.Where(stop => text[..end].EndsWith(stop, StringComparison.Ordinal))];
            if (found.Length > 0)
            {
                return text[..(end - found.Max(stop => stop.Length))];
            }
        }

        return text;
    }
}
