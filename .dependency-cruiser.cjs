/** Which folder may import what. */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: {
        orphan: true,
        pathNot: [
          "main\\.ts$",
          "\\.test\\.ts$",
          "\\.full-test\\.ts$",
          "\\.bench\\.ts$",
          "^test/bed/",
          "^examples/",
          "^hooks/",
        ],
      },
      to: {},
    },
    {
      name: "shared-imports-only-shared",
      severity: "error",
      from: { path: "^shared/" },
      to: { path: "^(services|hooks|test|examples|bench)/" },
    },
    {
      name: "a-service-imports-itself-and-shared",
      comment: "services/ouroboros is the program that starts the others.",
      severity: "error",
      from: { path: "^services/([^/]+)/", pathNot: "^services/ouroboros/" },
      to: { path: "^(services|hooks|test|examples|bench)/", pathNot: "^services/$1/" },
    },
    {
      name: "the-program-starts-services-by-their-run",
      severity: "error",
      from: { path: "^services/ouroboros/" },
      to: { path: "^services/", pathNot: "^services/(ouroboros/|[^/]+/run\\.ts$)" },
    },
    {
      name: "pure-files-import-no-io",
      severity: "error",
      from: {
        path: "(shared/(hooks|messages|tokens|image-ref|dependencies|labels|verdict)|services/poller/plan|services/updater/(create/[a-z-]+|gate/(about|decision|voices)|plan/(mode|what-holds)))\\.ts$",
      },
      to: {
        path: "^(dockerode|nats|@nats-io|pino|node:(?!crypto))|shared/(clock|engine|run-service|jetstream)\\.ts$",
        dependencyTypesNot: ["type-only"],
      },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types"],
    },
  },
};
