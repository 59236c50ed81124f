using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kernels.Serving;

internal sealed record ApiPromptDetails(int CachedTokens);
