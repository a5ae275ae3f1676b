FROM node:26-slim
WORKDIR /app
COPY {packages} ./
RUN {install}
COPY {settings} ./
COPY {sources} ./{sources}
CMD ["npm", "run", "start:dev"]
